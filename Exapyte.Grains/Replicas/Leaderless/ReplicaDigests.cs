using System.Diagnostics.CodeAnalysis;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Computes digests of one replica in the background, one at a time, at a bounded rate, and keeps the last one for those
/// who compare themselves with it by the same terms. Thread-safe.
/// </summary>
internal sealed class ReplicaDigests(
    IShardStore store,
    ComparisonBudget budget,
    Func<ReadingPace> newPace,
    CancellationToken stop
)
{
    private readonly Lock gate = new();
    private ComparisonTerms terms;
    private Task<ulong[]>? last;

    /// <summary>The digest by these terms, under way or complete; false while another one is being computed.</summary>
    public bool TryCompute(ComparisonTerms wanted, [NotNullWhen(true)] out Task<ulong[]>? digest)
    {
        lock (gate)
        {
            if (last is null || (last.IsCompleted && (terms != wanted || !last.IsCompletedSuccessfully)))
            {
                terms = wanted;
                last = Task.Run(() => Compute(wanted), stop);
            }
            digest = terms == wanted ? last : null;
            return digest is not null;
        }
    }

    private async Task<ulong[]> Compute(ComparisonTerms by)
    {
        await budget.Scans.WaitAsync(stop);
        try
        {
            var leaves = new ulong[ShardDigest.LeavesCount];
            var pace = newPace();
            ReadOnlyMemory<byte>? at = ReadOnlyMemory<byte>.Empty;
            while (at is { } start)
            {
                (at, var bytes) = StampPages.Digest(store, by, leaves, start);
                pace.Add(bytes);
                await pace.Wait(stop);
            }
            return leaves;
        }
        finally
        {
            budget.Scans.Release();
        }
    }
}
