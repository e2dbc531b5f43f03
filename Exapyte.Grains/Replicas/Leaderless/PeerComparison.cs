using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>What came of comparing with one peer, or of copying from it.</summary>
internal sealed class PeerDifferences
{
    /// <summary>Why it was not completed; null where it was.</summary>
    public string? Problem { get; set; }

    /// <summary>Entries that this replica took from the peer.</summary>
    public long Pulled { get; set; }

    /// <summary>Entries that the peer took from this replica.</summary>
    public long Pushed { get; set; }

    /// <summary>Keys of which both hold the same version with different contents: one of them is damaged.</summary>
    public List<KeyStamp> Contradictions { get; } = [];
}

/// <summary>
/// Walks through the keys of some leaves together with one peer and moves what one of the two lacks, nothing else. Both
/// sides merge as ever, by the greater stamp: it can be broken off and begun again at any time. For one walk.
/// </summary>
internal sealed class PeerComparison(
    LocalCopy local,
    ShardPeer peer,
    HybridClock clock,
    ComparisonTerms terms,
    long replicaId,
    long mapEpoch
)
{
    /// <summary>Contradictions looked at in one walk; the next one meets the others.</summary>
    private const int ContradictionsMax = 1_000;

    private readonly PeerDifferences result = new();

    /// <summary>Takes from the peer all that it has and this replica lacks.</summary>
    /// <param name="sinceEpoch">See <see cref="StampsRequest.SinceEpoch"/>.</param>
    /// <param name="pace">The bounded rate.</param>
    /// <param name="stop">Breaks it off.</param>
    public Task<PeerDifferences> Copy(long sinceEpoch, ReadingPace pace, CancellationToken stop) =>
        Walk(null, sinceEpoch, mayPush: false, pace, stop);

    /// <summary>Brings both to the same state in these leaves.</summary>
    /// <param name="leaves">The leaves in which they differ, rising.</param>
    /// <param name="pace">The bounded rate.</param>
    /// <param name="stop">Breaks it off.</param>
    public Task<PeerDifferences> Level(ushort[] leaves, ReadingPace pace, CancellationToken stop) =>
        Walk(leaves, 0, mayPush: true, pace, stop);

    private async Task<PeerDifferences> Walk(
        ushort[]? leaves,
        long sinceEpoch,
        bool mayPush,
        ReadingPace pace,
        CancellationToken stop
    )
    {
        ReadOnlyMemory<byte>? at = ReadOnlyMemory<byte>.Empty;
        while (at is { } start && result.Problem is null)
        {
            stop.ThrowIfCancellationRequested();
            var theirs = await peer.Comparison.Stamps(
                new()
                {
                    Terms = terms,
                    Leaves = leaves,
                    Start = start,
                    SinceEpoch = sinceEpoch,
                }
            );
            if (theirs.Kind != OutcomeKind.Ok)
            {
                result.Problem = theirs.Detail ?? theirs.Kind.ToString();
                break;
            }
            var ours = StampPages.Read(local.Store, terms, leaves, start, theirs.Next);
            // Whichever page ends first bounds both.
            at = ours.Next ?? theirs.Next;
            await Level(ours.Stamps, Before(theirs.Stamps, ours.Next), mayPush);
            pace.Add(ours.Bytes);
            await pace.Wait(stop);
        }
        return result;
    }

    private static KeyStamp[] Before(KeyStamp[] stamps, ReadOnlyMemory<byte>? end) =>
        end is { } key ? Array.FindAll(stamps, stamp => stamp.Key.Span.SequenceCompareTo(key.Span) < 0) : stamps;

    private async Task Level(List<KeyStamp> ours, KeyStamp[] theirs, bool mayPush)
    {
        List<KeyStamp> pull = [];
        List<KeyStamp> push = [];
        for (int our = 0, their = 0; our < ours.Count || their < theirs.Length; )
        {
            var order =
                our == ours.Count ? 1
                : their == theirs.Length ? -1
                : ours[our].Key.Span.SequenceCompareTo(theirs[their].Key.Span);
            if (order < 0)
            {
                Add(push, ours[our++]);
            }
            else if (order > 0)
            {
                Add(pull, theirs[their++]);
            }
            else
            {
                Compare(ours[our++], theirs[their++], pull, push);
            }
        }
        await Pull(pull);
        if (mayPush)
        {
            await Push(push);
        }
    }

    /// <summary>What only one has moves, unless the other one may have swept it.</summary>
    private static void Add(List<KeyStamp> moving, KeyStamp stamp)
    {
        if (!stamp.IsLeftOut)
        {
            moving.Add(stamp);
        }
    }

    private void Compare(in KeyStamp our, in KeyStamp their, List<KeyStamp> pull, List<KeyStamp> push)
    {
        if (our.Version != their.Version)
        {
            (our.Version > their.Version ? push : pull).Add(our.Version > their.Version ? our : their);
        }
        else if (our.Content != their.Content && result.Contradictions.Count < ContradictionsMax)
        {
            result.Contradictions.Add(our);
        }
    }

    private async Task Pull(List<KeyStamp> stamps)
    {
        foreach (var part in Parts(stamps))
        {
            var reply = await peer.Grain.ReadLocal(
                new()
                {
                    Keys = [.. part.Select(stamp => stamp.Key)],
                    FromReplicaId = replicaId,
                    MapEpoch = mapEpoch,
                    AsIs = true,
                }
            );
            if (reply.Kind != OutcomeKind.Ok)
            {
                result.Problem = $"It does not answer with its entries: {reply.Kind}.";
                return;
            }
            // What was swept or evicted since it was listed is not there any more.
            StampedEntry[] entries = [.. reply.Entries.Where(entry => !entry.Version.IsNone)];
            foreach (var entry in entries)
            {
                clock.Observe(entry.Version.Revision);
            }
            foreach (var batch in WireBatches.Of(entries))
            {
                var verdict = await local.Write(batch);
                if (verdict.Kind != OutcomeKind.Ok)
                {
                    result.Problem = verdict.Detail ?? verdict.Kind.ToString();
                    return;
                }
                result.Pulled += batch.Length;
            }
        }
    }

    private async Task Push(List<KeyStamp> stamps)
    {
        foreach (var part in Parts(stamps))
        {
            StampedEntry[] entries =
            [
                .. part.Select(stamp => local.Read(stamp.Key)).Where(entry => !entry.Version.IsNone),
            ];
            foreach (var batch in WireBatches.Of(entries))
            {
                var reply = await peer.Grain.Replicate(
                    new()
                    {
                        FromReplicaId = replicaId,
                        Entries = batch,
                        MapEpoch = mapEpoch,
                    }
                );
                if (reply.Kind != OutcomeKind.Ok)
                {
                    result.Problem = reply.Detail ?? reply.Kind.ToString();
                    return;
                }
                result.Pushed += batch.Length;
            }
        }
    }

    /// <summary>In parts whose entries fit into one message.</summary>
    private static IEnumerable<KeyStamp[]> Parts(List<KeyStamp> stamps) =>
        WireBatches.Of([.. stamps], stamp => stamp.Key.Length + stamp.ValueBytes + WireBatches.EntryOverheadBytes);
}
