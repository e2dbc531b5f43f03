using System.Diagnostics;
using Exapyte.Operations;
using Exapyte.Queries;
using Exapyte.Queries.Documents;
using Exapyte.Queries.Execution;

namespace Exapyte.Client.Queries;

/// <summary>
/// Runs queries over listings: entries of the keys that can match are read page by page and evaluated as they come, so
/// that memory holds one page of entries and one page of rows.
/// </summary>
public static class QueryRunner
{
    /// <summary>A page in key order that has not filled by then ends with what it has, to be gone on from.</summary>
    private static readonly TimeSpan PageTime = TimeSpan.FromSeconds(5);

    /// <summary>Runs one page of a query.</summary>
    /// <param name="client">The data plane.</param>
    /// <param name="keyspace">The keyspace's name.</param>
    /// <param name="plan">The query.</param>
    /// <param name="options">How it is run.</param>
    /// <param name="cancellationToken">Ends it: a query over many entries that must see all of them takes its time.</param>
    /// <exception cref="FormatException"><see cref="QueryOptions.After"/> is no place where a page of this query ends.</exception>
    public static async ValueTask<QueryPage> QueryAsync(
        this IExapyteClient client,
        string keyspace,
        QueryPlan plan,
        QueryOptions options,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(options);
        var run = plan.Start<ListedEntry>(options.After);
        var indexes = options.WithoutIndex
            ? new([], null)
            : await QueryIndexes.FindAsync(client, keyspace, plan, options.Index, cancellationToken);
        if (indexes.Refusal is { } refusal)
        {
            return Refused(OutcomeKind.Invalid, refusal, options.KeyspaceId);
        }
        var scan = new ScanQuery
        {
            Start = plan.Keys.Start,
            End = plan.Keys.End,
            After = run.AfterKey,
            Level = options.Level,
            MaxStalenessMs = options.MaxStalenessMs,
            Session = options.Session,
            WithoutChanges = true,
            KeyspaceId = options.KeyspaceId,
        };
        try
        {
            var pages = new QueryPages(client, keyspace, indexes.Uses, options.Index is not null);
            return await PumpAsync(pages, plan, options, run, scan, cancellationToken);
        }
        catch (QueryTooLargeException exception)
        {
            return Refused(OutcomeKind.Invalid, exception.Message, options.KeyspaceId);
        }
    }

    private static async ValueTask<QueryPage> PumpAsync(
        QueryPages pages,
        QueryPlan plan,
        QueryOptions options,
        QueryRun<ListedEntry> run,
        ScanQuery scan,
        CancellationToken cancellationToken
    )
    {
        var began = Stopwatch.GetTimestamp();
        // A page that needs every entry cannot end early: a scan that is allowed goes through them all.
        var bound =
            options.AllowScan && !plan.IsInKeyOrder
                ? long.MaxValue
                : options.ExaminedMax ?? (options.AllowScan ? long.MaxValue : QueryLimits.ExaminedDefault);
        while (true)
        {
            var left = bound - run.Examined;
            var page = await pages.ReadAsync(scan with { EntriesMax = PageSize(plan, left) }, cancellationToken);
            if (page.Kind != OutcomeKind.Ok)
            {
                return Refused(page.Kind, page.Detail, page.KeyspaceId);
            }
            foreach (var entry in page.Entries)
            {
                run.Add(ViewOf(entry), entry);
                if (run.IsFull)
                {
                    var isLast = !page.More && ReferenceEquals(entry, page.Entries[^1]);
                    return Page(run.Finish(isLast), run, page, pages);
                }
            }
            if (!page.More || page.Entries.Count == 0)
            {
                return Page(run.Finish(isWhole: true), run, page, pages);
            }
            if (run.Examined >= bound)
            {
                return options.AllowScan
                    ? Page(run.Finish(isWhole: false), run, page, pages)
                    : Refused(OutcomeKind.Invalid, TooMany(plan, pages, bound), page.KeyspaceId);
            }
            if (plan.IsInKeyOrder && Stopwatch.GetElapsedTime(began) > PageTime)
            {
                return Page(run.Finish(isWhole: false), run, page, pages);
            }
            scan = scan with { After = page.Entries[^1].Key, KeyspaceId = page.KeyspaceId };
        }
    }

    /// <summary>Where every entry is a row no more are read than the page takes.</summary>
    private static int PageSize(QueryPlan plan, long left)
    {
        var wanted = plan.IsInKeyOrder && plan.Query.Where is null ? plan.Query.RowsMax : Limits.PageEntriesMax;
        return (int)Math.Min(wanted, left);
    }

    private static EntryView ViewOf(ListedEntry entry) =>
        new()
        {
            Key = entry.Key,
            Value = entry.Entry.Value,
            Version = entry.Entry.Version.ToString(),
            ContentType = entry.Entry.ContentType,
            ModifiedMs = entry.Entry.ModifiedMs,
            ExpiresMs = entry.Entry.ExpiresMs,
        };

    private static QueryPage Page(
        QueryResult<ListedEntry> result,
        QueryRun<ListedEntry> run,
        ScanPage last,
        QueryPages pages
    ) =>
        new(OutcomeKind.Ok, result.Rows, result.End, run.Examined, last.KeyspaceId, null, last.Served)
        {
            Index = pages.Index,
        };

    private static QueryPage Refused(OutcomeKind kind, string? detail, long keyspaceId) =>
        new(kind, [], default, 0, keyspaceId, detail, ServedBy.Nothing);

    private static string TooMany(QueryPlan plan, QueryPages pages, long bound)
    {
        var index =
            pages.Index is { } used ? $"Index '{used}' names more than that: a narrower condition would do"
            : pages.Unready is { } unready ? $"Index '{unready}' will spare that once it is ready on every shard"
            : plan.PathsToIndex.Count > 0 ? $"An index over {string.Join(", ", plan.PathsToIndex)} would spare that"
            : "A condition on key or on a path of doc would narrow it";
        return $"The query examines more than {bound} entries. {index}; or set allowScan, or raise maxExamined.";
    }
}
