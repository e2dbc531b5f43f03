using Exapyte.Operations;
using Exapyte.Queries.Indexes;

namespace Exapyte.Client.Queries;

/// <summary>
/// The pages of entries that a query examines: by the first of its indexes that every shard has, else all. The shards say page by
/// page whether they went by it; where one did not the page holds more entries, which are examined like any. Used once.
/// </summary>
internal sealed class QueryPages(IExapyteClient client, string keyspace, IReadOnlyList<IndexUse> uses, bool isNamed)
{
    private IndexUse? use;
    private bool isChosen;
    private bool isByIndex = true;

    /// <summary>The index that named every entry so far; null where one was not named by it.</summary>
    public string? Index => isByIndex ? use?.Index.Name : null;

    /// <summary>An index that would have been used, were it ready on every shard; null: none.</summary>
    public string? Unready { get; private set; }

    /// <summary>Reads the next page.</summary>
    public async ValueTask<ScanPage> ReadAsync(ScanQuery scan, CancellationToken cancellationToken)
    {
        if (!isChosen)
        {
            return await ReadFirstAsync(scan, cancellationToken);
        }
        var lookup = use is null ? null : QueryIndexes.LookupOf(use);
        var page = await client.ScanAsync(keyspace, scan with { Index = lookup }, cancellationToken);
        if (use is not null && page is { Kind: OutcomeKind.Ok, ByIndex: false })
        {
            return NotReady(use, page);
        }
        return page;
    }

    private async ValueTask<ScanPage> ReadFirstAsync(ScanQuery scan, CancellationToken cancellationToken)
    {
        isChosen = true;
        foreach (var candidate in uses)
        {
            var page = await client.ScanAsync(
                keyspace,
                scan with
                {
                    Index = QueryIndexes.LookupOf(candidate),
                },
                cancellationToken
            );
            if (page.Kind != OutcomeKind.Ok || page.ByIndex)
            {
                use = candidate;
                return page;
            }
            Unready ??= candidate.Index.Name;
            if (isNamed)
            {
                return NotReady(candidate, page);
            }
        }
        return await client.ScanAsync(keyspace, scan, cancellationToken);
    }

    /// <summary>Who named the index is refused; who did not goes on with more entries.</summary>
    private ScanPage NotReady(IndexUse of, ScanPage page)
    {
        isByIndex = false;
        return isNamed
            ? new(
                OutcomeKind.Invalid,
                [],
                More: false,
                page.KeyspaceId,
                $"Index '{of.Index.Name}' is not ready on every shard: GET K shows how far it is. Wait, or leave index out.",
                page.Served
            )
            : page;
    }
}
