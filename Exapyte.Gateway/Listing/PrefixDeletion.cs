using Exapyte.Client;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;
using Exapyte.Security;

namespace Exapyte.Gateway.Listing;

/// <summary>What a deletion by prefix came to; what is null does not apply.</summary>
internal sealed record PrefixDeletionDocument(long? Matched, long? Deleted, bool More);

/// <summary>
/// DELETE K/entries?prefix=: deletes what a listing of the prefix shows, page by page, or only counts it. It ends after a while
/// with what it has done, to be called again: each call is one request, however much there is.
/// </summary>
internal sealed class PrefixDeletion(
    IExapyteClient client,
    ProblemWriter problems,
    ExapyteGatewayOptions limits,
    TimeProvider time
)
{
    private const int Prefix = 0;
    private const int Prefix64 = 1;
    private const int DryRun = 2;
    private static readonly string[] Parameters = ["prefix", "prefix64", "dryRun"];

    /// <summary>Well below what callers and proxies wait for an answer.</summary>
    private static readonly TimeSpan TimeMax = TimeSpan.FromSeconds(10);

    /// <summary>Answers the call.</summary>
    public async Task HandleAsync(HttpContext context, Call call)
    {
        if (Read(call, out var prefix, out var isDryRun) is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        var began = time.GetTimestamp();
        var query = new ScanQuery
        {
            Prefix = prefix,
            KeysOnly = true,
            WithoutChanges = true,
            EntriesMax = limits.PageEntriesMax,
        };
        long count = 0;
        while (true)
        {
            var page = await client.ScanAsync(call.Keyspace, query, context.RequestAborted);
            var problem = ProblemOf(call.Keyspace, page);
            if (problem is null)
            {
                (var done, problem) = isDryRun ? (page.Entries.Count, null) : await DeleteAsync(call, page.Entries);
                count += done;
            }
            if (problem is not null)
            {
                var so = isDryRun ? "" : $" Deleted before: {count}. Send it again.";
                await problems.WriteAsync(context, problem with { Detail = problem.Detail + so });
                return;
            }
            var isMore = page.More && page.Entries.Count > 0;
            if (!isMore || time.GetElapsedTime(began) > TimeMax)
            {
                await AnswerAsync(context, isDryRun, count, isMore);
                return;
            }
            query = query with { After = page.Entries[^1].Key, KeyspaceId = page.KeyspaceId };
        }
    }

    private Problem? Read(in Call call, out ReadOnlyMemory<byte> prefix, out bool isDryRun)
    {
        (prefix, isDryRun) = (default, false);
        Span<ParameterSlice> slices = stackalloc ParameterSlice[Parameters.Length];
        if (QueryParameters.Read(call.Query, Parameters, slices) is { } problem)
        {
            return problem;
        }
        List<string> reasons = [];
        var reader = new ListingParameters(call.Query, slices, Parameters, reasons);
        prefix = reader.Key(Prefix, Prefix64, limits.KeyBytesMax) ?? default;
        isDryRun = reader.Flag(DryRun) ?? false;
        if (reasons.Count == 0 && prefix.IsEmpty)
        {
            reasons.Add("Parameter 'prefix' must name what is deleted; to delete everything, delete the keyspace.");
        }
        return reasons.Count > 0
            ? OutcomeProblems.WithReasons(ProblemKinds.InvalidQuery, reasons)
            : call.Caller.RefuseBelow(KeyRights.Write, call.Keyspace, prefix.Span)
                ?? (isDryRun ? call.Caller.RefuseBelow(KeyRights.Read, call.Keyspace, prefix.Span) : null);
    }

    private async Task<(int Deleted, Problem? Problem)> DeleteAsync(Call call, IReadOnlyList<ListedEntry> entries)
    {
        if (entries.Count == 0)
        {
            return (0, null);
        }
        Operation[] deletes =
        [
            .. entries.Select(entry => new Operation { Kind = OperationKind.Delete, Key = entry.Key }),
        ];
        // What was begun is carried through, whether or not its caller waits for the answer.
        var results = await client.ExecuteBatchAsync(
            call.Keyspace,
            deletes,
            atomic: false,
            new CallOptions { Session = call.Session },
            CancellationToken.None
        );
        var deleted = results.Count(result => result.Outcome is { Kind: OutcomeKind.Ok, Changed: true });
        // Deleting twice is deleting once: what is in doubt may be sent again.
        var problem = results
            .Select(result => OutcomeProblems.Of(result.Outcome, repeatable: true))
            .FirstOrDefault(problem => problem is not null);
        return (deleted, problem);
    }

    private static Problem? ProblemOf(string keyspace, ScanPage page) =>
        page.Kind switch
        {
            OutcomeKind.Ok => null,
            OutcomeKind.NoSuchKeyspace => OutcomeProblems.NoSuchKeyspace(keyspace),
            _ => OutcomeProblems.Of(page.Kind, page.Detail, repeatable: true),
        };

    private static Task AnswerAsync(HttpContext context, bool isDryRun, long count, bool isMore) =>
        JsonAnswer.WriteAsync(
            context,
            StatusCodes.Status200OK,
            new PrefixDeletionDocument(isDryRun ? count : null, isDryRun ? null : count, isMore),
            GatewayJson.Relaxed.PrefixDeletionDocument
        );
}
