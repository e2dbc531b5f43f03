using Exapyte.Grains.Fields;
using Exapyte.Keyspaces;
using Exapyte.Topology;

namespace Exapyte.Grains.Replicas.Indexes;

/// <summary>An index of a shard. Immutable.</summary>
internal sealed record ShardIndex
{
    /// <summary>Tells it from every other that the shard has or had; stands in its rows.</summary>
    public required ulong Generation { get; init; }

    /// <summary>What it is called and what it is over.</summary>
    public required KeyspaceIndex Definition { get; init; }

    /// <summary>What becomes of it.</summary>
    public IndexState State { get; init; } = IndexState.Building;

    /// <summary>While it is built: entries up to this key are taken in; empty: none.</summary>
    public ReadOnlyMemory<byte> After { get; init; }

    /// <summary>Entries that were looked at while it was built.</summary>
    public long Done { get; init; }
}

/// <summary>The indexes of a shard: part of its replicated state, row <c>x</c>. Immutable.</summary>
internal sealed class IndexCatalog
{
    public static readonly IndexCatalog Empty = new();

    private const byte Format = 1;

    /// <summary>The row's key; rows of indexes begin with it.</summary>
    public static ReadOnlySpan<byte> Key => "x"u8;

    /// <summary>The epoch of the map that said which there are to be.</summary>
    public long Epoch { get; init; }

    /// <summary>The greatest generation so far.</summary>
    public ulong LastGeneration { get; init; }

    /// <summary>Them, in the order of their generations.</summary>
    public ShardIndex[] Indexes { get; init; } = [];

    /// <summary>The index of this definition that is not on its way out; null where there is none.</summary>
    public ShardIndex? Find(KeyspaceIndex definition) =>
        Array.Find(Indexes, index => index.State != IndexState.Dropping && index.Definition == definition);

    /// <summary>Whether these are the indexes that are not on their way out.</summary>
    public bool Has(KeyspaceIndex[] wanted) =>
        Indexes.Count(index => index.State != IndexState.Dropping) == wanted.Length
        && Array.TrueForAll(wanted, definition => Find(definition) is not null);

    /// <summary>The catalog as a newer map wants it: what is not wanted goes, what is new is built; it itself where the map is older.</summary>
    public IndexCatalog Want(long epoch, KeyspaceIndex[] wanted)
    {
        if (epoch < Epoch)
        {
            return this;
        }
        var last = LastGeneration;
        return new()
        {
            Epoch = epoch,
            Indexes =
            [
                .. Indexes.Select(index =>
                    Array.IndexOf(wanted, index.Definition) < 0 ? index with { State = IndexState.Dropping } : index
                ),
                .. wanted
                    .Where(definition => Find(definition) is null)
                    .Select(definition => new ShardIndex { Generation = ++last, Definition = definition }),
            ],
            LastGeneration = last,
        };
    }

    /// <summary>The catalog with another state of an index; without it where that is null.</summary>
    public IndexCatalog With(ShardIndex index, ShardIndex? becomes) =>
        new()
        {
            Epoch = Epoch,
            LastGeneration = LastGeneration,
            Indexes =
            [
                .. Indexes.SelectMany(known =>
                    known.Generation != index.Generation ? [known]
                    : becomes is null ? []
                    : (ShardIndex[])[becomes]
                ),
            ],
        };

    /// <summary>As it lies in the store.</summary>
    public byte[] Encode()
    {
        var buffer = new byte[1 + sizeof(long) + sizeof(ulong) + sizeof(int) + Indexes.Sum(BytesOf)];
        var writer = new SpanWriter(buffer);
        writer.Byte(Format);
        writer.Int64(Epoch);
        writer.UInt64(LastGeneration);
        writer.Int32(Indexes.Length);
        foreach (var index in Indexes)
        {
            writer.UInt64(index.Generation);
            writer.Byte((byte)index.State);
            writer.Bytes(index.After.Span);
            writer.Int64(index.Done);
            IndexDefinitionCodec.Write(ref writer, index.Definition);
        }
        return buffer;
    }

    /// <summary>Reads what <see cref="Encode"/> wrote; null where it is none that this version knows.</summary>
    public static IndexCatalog? Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (reader.Byte() != Format)
        {
            return null;
        }
        var epoch = reader.Int64();
        var last = reader.UInt64();
        var indexes = new ShardIndex[reader.Count(sizeof(ulong))];
        for (var i = 0; i < indexes.Length; i++)
        {
            indexes[i] = new()
            {
                Generation = reader.UInt64(),
                State = (IndexState)reader.Byte(),
                After = reader.Bytes(),
                Done = reader.Int64(),
                Definition = IndexDefinitionCodec.Read(ref reader),
            };
        }
        return !reader.AtEnd
            ? null
            : new()
            {
                Epoch = epoch,
                LastGeneration = last,
                Indexes = indexes,
            };
    }

    private static int BytesOf(ShardIndex index) =>
        sizeof(ulong)
        + 1
        + sizeof(int)
        + index.After.Length
        + sizeof(long)
        + IndexDefinitionCodec.BytesOf(index.Definition);
}

/// <summary>Definitions of indexes in rows and commands.</summary>
internal static class IndexDefinitionCodec
{
    public static int BytesOf(KeyspaceIndex definition) =>
        SpanWriter.TextBytes(definition.Name) + sizeof(int) + definition.Paths.Sum(path => SpanWriter.TextBytes(path));

    public static void Write(ref SpanWriter writer, KeyspaceIndex definition)
    {
        writer.Text(definition.Name);
        writer.Int32(definition.Paths.Length);
        foreach (var path in definition.Paths)
        {
            writer.Text(path);
        }
    }

    public static KeyspaceIndex Read(ref SpanReader reader)
    {
        var name = reader.Text();
        var paths = new string[reader.Count(sizeof(int))];
        for (var i = 0; i < paths.Length; i++)
        {
            paths[i] = reader.Text();
        }
        return new() { Name = name, Paths = paths };
    }
}
