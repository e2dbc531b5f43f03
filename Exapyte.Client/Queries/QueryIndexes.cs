using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Queries;
using Exapyte.Queries.Indexes;

namespace Exapyte.Client.Queries;

/// <summary>The indexes by which a query can be answered, the one that narrows it most first, or why the one that it names cannot be used.</summary>
/// <param name="Uses">Them; empty: all entries of its keys are examined.</param>
/// <param name="Refusal">A sentence for a person; null where it can be run.</param>
public sealed record QueryIndexes(IReadOnlyList<IndexUse> Uses, string? Refusal)
{
    private static readonly QueryIndexes None = new([], null);

    /// <summary>Finds them among the indexes of a keyspace.</summary>
    /// <param name="client">The data plane.</param>
    /// <param name="keyspace">The keyspace's name.</param>
    /// <param name="plan">The query.</param>
    /// <param name="named">The index that it asks for; null: any.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async ValueTask<QueryIndexes> FindAsync(
        IExapyteClient client,
        string keyspace,
        QueryPlan plan,
        string? named,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(plan);
        var shapes = ShapesOf(await client.GetMapAsync(keyspace, cancellationToken));
        if (named is null)
        {
            return shapes.Count == 0 ? None : new(plan.UsesOf(shapes), null);
        }
        var index =
            shapes.Find(shape => shape.Name == named)
            // It may have been added a moment ago, by a map that has not come here yet.
            ?? ShapesOf((await client.GetKeyspaceAsync(keyspace, cancellationToken)).Map)
                .Find(shape => shape.Name == named);
        return index is null
                ? new([], $"The keyspace has no index '{named}'. Leave index out, or name one that GET K shows.")
            : plan.UseOf(index) is { } use ? new([use], null)
            : new(
                [],
                $"Index '{named}' is over {string.Join(", ", index.Paths)}, and no term of where that must hold compares "
                    + $"{index.Paths[0]} with a value (==, in, <, <=, >, >=, startsWith). Leave index out, or add such a term."
            );
    }

    /// <summary>What a listing asks of its shards to go by an index.</summary>
    internal static IndexLookup LookupOf(IndexUse use) =>
        new()
        {
            Name = use.Index.Name,
            Paths = [.. use.Index.Paths.Select(path => path.ToString())],
            Ranges = [.. use.Ranges.Select(range => new IndexLookupRange { Start = range.Start, End = range.End })],
        };

    private static List<IndexShape> ShapesOf(KeyspaceMap? map) =>
        [
            .. (map?.Settings.Indexes?.Items ?? []).Select(index => new IndexShape(
                index.Name,
                [.. index.Paths.Select(IndexPath.Parse)]
            )),
        ];
}
