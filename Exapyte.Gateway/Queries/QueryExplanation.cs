using System.Text.Json;
using System.Text.Unicode;
using Exapyte.Client;
using Exapyte.Client.Queries;
using Exapyte.Gateway.Routing;
using Exapyte.Keyspaces;
using Exapyte.Queries.Execution;
using Exapyte.Queries.Indexes;
using Exapyte.Queries.Values;

namespace Exapyte.Gateway.Queries;

/// <summary>How a query would be run, as POST K/query/explain answers it.</summary>
/// <param name="Keys">Entries of these keys can match.</param>
/// <param name="Use">The index that would be used; null: none.</param>
/// <param name="Shards">The shards that may hold such keys.</param>
internal sealed record QueryExplanation(KeyInterval Keys, IndexUse? Use, IReadOnlyList<ShardStatus> Shards)
{
    /// <summary>The plan of a query; null where the index that it names cannot be used.</summary>
    public static QueryExplanation? Of(QueryRequest request, QueryIndexes indexes, IReadOnlyList<ShardStatus> shards)
    {
        var use = indexes.Uses.FirstOrDefault(use => IndexProgress.IsReady(use.Index.Name, shards));
        return indexes.Refusal is not null || (request.Options.Index is not null && use is null)
            ? null
            : new(request.Plan.Keys, use, ShardsOf(request.Plan.Keys, shards));
    }

    /// <summary>Writes it.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="withEstimate">With how many entries would be examined, as far as that is known.</param>
    public void Write(Utf8JsonWriter writer, bool withEstimate)
    {
        var isEmpty = Keys.IsEmpty || Use is { Ranges.Count: 0 };
        writer.WriteStartObject();
        writer.WriteString("index"u8, Use?.Index.Name);
        writer.WriteStartArray("ranges"u8);
        if (!isEmpty && Use is not null)
        {
            foreach (var range in Use.Ranges)
            {
                Write(writer, range);
            }
        }
        else if (!isEmpty)
        {
            writer.WriteStartObject();
            WriteBound(writer, "start", Keys.Start.IsEmpty ? null : Keys.Start);
            WriteBound(writer, "end", Keys.End);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteNumber("shards"u8, isEmpty ? 0 : Shards.Count);
        if (withEstimate && (isEmpty || Use is null))
        {
            writer.WriteNumber("estimate"u8, isEmpty ? 0 : Shards.Sum(EntriesOf));
        }
        else
        {
            writer.WriteNull("estimate"u8);
        }
        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, IndexRange range)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("equal"u8);
        foreach (var value in range.Equal)
        {
            ValueJson.Write(writer, value);
        }
        writer.WriteEndArray();
        Write(writer, "from"u8, range.From);
        Write(writer, "to"u8, range.To);
        Write(writer, "startsWith"u8, range.StartsWith);
        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, in Value value)
    {
        if (!value.IsUnknown)
        {
            writer.WritePropertyName(name);
            ValueJson.Write(writer, value);
        }
    }

    private static List<ShardStatus> ShardsOf(KeyInterval keys, IReadOnlyList<ShardStatus> all)
    {
        ShardPlacement[] placements = [.. all.Select(shard => shard.Placement)];
        return [.. all.Where((_, at) => ShardIntervals.Meets(placements, at, keys.Start, keys.End))];
    }

    private static long EntriesOf(ShardStatus shard) =>
        shard.Replicas.Count == 0 ? 0 : shard.Replicas.Max(replica => replica.Entries);

    private static void WriteBound(Utf8JsonWriter writer, string name, ReadOnlyMemory<byte>? bound)
    {
        if (bound is not { } key)
        {
            writer.WriteNull(name);
        }
        else if (Utf8.IsValid(key.Span))
        {
            writer.WriteString(name, key.Span);
        }
        else
        {
            writer.WriteString(name + "64", Base64Text.Encode(key.Span));
        }
    }
}
