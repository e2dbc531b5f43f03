using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Compares the replicas of a shard from time to time (anti-entropy) and brings them to the same state. One replica leads:
/// the one with the lowest id whose node is alive. Two that both believe to be it do each other no harm.
/// </summary>
internal sealed partial class ShardComparison(ReplicaContext replica, ReplicaDigests digests, DamageReport damage)
{
    private const int DigestPolls = 10_000;

    private readonly ILogger logger = replica.Node.LoggerFactory.CreateLogger("Exapyte.Replicas");
    private HashSet<string> alive = [];
    private long againAt = long.MaxValue;
    private int incompleteInRow;
    private long dueAt = replica.Node.Time.GetTimestamp() + Ticks(replica, Share(replica.Node.Options.CompareInterval));
    private int running;

    /// <summary>Begins a comparison where one is due. Called by one thread at a time.</summary>
    public void Tick()
    {
        var options = replica.Node.Options;
        if (options.CompareInterval <= TimeSpan.Zero)
        {
            return;
        }
        Look(options.CompareAfterReturn);
        if (
            Volatile.Read(ref running) != 0
            || replica.Node.Time.GetTimestamp() < Math.Min(dueAt, Volatile.Read(ref againAt))
        )
        {
            return;
        }
        if (!Leads(replica.Peers) || replica.IsCache)
        {
            dueAt = replica.Node.Time.GetTimestamp() + Ticks(replica, options.CompareInterval);
            return;
        }
        if (replica.Node.Comparing.Comparisons.Wait(0, CancellationToken.None))
        {
            dueAt = replica.Node.Time.GetTimestamp() + Ticks(replica, options.CompareInterval);
            Volatile.Write(ref running, 1);
            _ = Task.Run(Run);
        }
    }

    /// <summary>Somewhere between half of the interval and all of it: the shards of a node are not compared all at once.</summary>
    private static TimeSpan Share(TimeSpan interval) => interval * (0.5 + (Random.Shared.NextDouble() / 2));

    private static long Ticks(ReplicaContext replica, TimeSpan span) =>
        (long)(span.TotalSeconds * replica.Node.Time.TimestampFrequency);

    /// <summary>Soon after a node has come back: it may lack what nobody could keep for it.</summary>
    private void Look(TimeSpan afterReturn)
    {
        var counting = replica.Peers.Counting;
        var changed = false;
        foreach (var peer in counting)
        {
            changed |= replica.Node.Peers.IsAlive(peer.Placed.Node) != alive.Contains(peer.Placed.Node);
        }
        if (!changed)
        {
            return;
        }
        HashSet<string> now = [.. counting.Select(peer => peer.Placed.Node).Where(replica.Node.Peers.IsAlive)];
        if (!now.IsSubsetOf(alive))
        {
            dueAt = Math.Min(dueAt, replica.Node.Time.GetTimestamp() + Ticks(replica, afterReturn));
        }
        alive = now;
    }

    private bool Leads(ShardPeers peers) =>
        peers.SelfCounts
        && peers.Counting.Length > 0
        && Array.TrueForAll(
            peers.Counting,
            peer => peer.ReplicaId > replica.Identity.ReplicaId || !replica.Node.Peers.IsAlive(peer.Placed.Node)
        );

    private async Task Run()
    {
        var isComplete = false;
        try
        {
            // What came from one peer may be lacking at another.
            (isComplete, var pulled) = await Compare();
            if (pulled > 0 && replica.Peers.Counting.Length > 1)
            {
                (isComplete, _) = await Compare();
            }
        }
        catch (OperationCanceledException)
        {
            // The replica is stopped.
        }
        catch (StoreDamagedException found)
        {
            damage.Found(found.Message);
        }
        catch (Exception failure)
        {
            // Whatever it was, it is tried again.
            LogNotCompared(failure, replica.Identity.ReplicaId);
        }
        finally
        {
            Volatile.Write(ref againAt, AgainAt(isComplete));
            Volatile.Write(ref running, 0);
            replica.Node.Comparing.Comparisons.Release();
        }
    }

    /// <summary>
    /// A peer that is alive and did not answer, or not to the end, is asked again soon, and less and less often: what it may
    /// lack should not wait for the interval.
    /// </summary>
    private long AgainAt(bool isComplete)
    {
        if (isComplete)
        {
            incompleteInRow = 0;
            return long.MaxValue;
        }
        var options = replica.Node.Options;
        var pause = options.CompareAfterReturn * (1L << Math.Min(incompleteInRow++, 20));
        return replica.Node.Time.GetTimestamp()
            + Ticks(replica, pause < options.CompareInterval ? pause : options.CompareInterval);
    }

    /// <summary>Compares with every peer that is alive: whether all went to its end, and how many entries came from them.</summary>
    private async Task<(bool IsComplete, long Pulled)> Compare()
    {
        var peers = replica.Peers;
        var terms = TermsOfNow();
        var others = Array.FindAll(peers.Counting, peer => replica.Node.Peers.IsAlive(peer.Placed.Node));
        var theirs = others.Select(peer => DigestOf(peer, terms)).ToArray();
        if (!digests.TryCompute(terms, out var computed))
        {
            return (false, 0);
        }
        var ours = await computed;
        var isComplete = true;
        long pulled = 0;
        for (var i = 0; i < others.Length; i++)
        {
            if (await theirs[i] is not { } leaves)
            {
                isComplete = false;
                continue;
            }
            var level = await Level(others[i], ShardDigest.Differences(ours, leaves), terms, peers);
            isComplete &= level.IsComplete;
            pulled += level.Pulled;
        }
        return (isComplete, pulled);
    }

    private ComparisonTerms TermsOfNow()
    {
        var options = replica.Node.Options;
        var youngest = Math.Max(0, replica.NowMs - (long)options.CompareAgeMin.TotalMilliseconds);
        return new()
        {
            AsOfMs = replica.NowMs,
            SweptMs = replica.NowMs - (long)options.TombstoneGrace.TotalMilliseconds,
            RevisionMax = options.CompareAgeMin > TimeSpan.Zero ? HybridClock.FirstOf(youngest) : ulong.MaxValue,
            AheadMin = HybridClock.FirstOf(replica.NowMs + (2 * options.ClockSkewMsMax)),
        };
    }

    private async Task<ulong[]?> DigestOf(ShardPeer peer, ComparisonTerms terms)
    {
        try
        {
            for (var poll = 0; poll < DigestPolls; poll++)
            {
                replica.Stop.ThrowIfCancellationRequested();
                var reply = await peer.Comparison.Digest(new() { Terms = terms });
                if (reply.Kind != OutcomeKind.Ok)
                {
                    LogNoDigest(peer.ReplicaId, reply.Kind, reply.Detail);
                    return null;
                }
                if (reply.Leaves.Length == ShardDigest.LeavesCount)
                {
                    return reply.Leaves;
                }
            }
            return null;
        }
        catch (Exception failure)
        {
            // A peer that cannot be asked is compared with another time.
            LogNoDigest(peer.ReplicaId, OutcomeKind.Unavailable, failure.Message);
            return null;
        }
    }

    private async Task<(bool IsComplete, long Pulled)> Level(
        ShardPeer peer,
        ushort[] leaves,
        ComparisonTerms terms,
        ShardPeers peers
    )
    {
        if (leaves.Length == 0)
        {
            replica.Totals.HasCompared(0, null);
            return (true, 0);
        }
        var comparison = new PeerComparison(
            replica.Local,
            peer,
            replica.Node.Clock,
            terms,
            replica.Identity.ReplicaId,
            peers.Epoch
        );
        var differences = await comparison.Level(leaves, replica.NewPace(), replica.Stop);
        replica.Totals.HasCompared(leaves.Length, differences);
        LogCompared(
            replica.Identity.ReplicaId,
            peer.ReplicaId,
            leaves.Length,
            differences.Pulled,
            differences.Pushed,
            differences.Problem
        );
        foreach (var contradiction in differences.Contradictions)
        {
            await Settle(contradiction, terms, peers);
        }
        return (differences.Problem is null, differences.Pulled);
    }

    /// <summary>Asks all replicas about a key of which two hold the same version with different contents.</summary>
    private async Task Settle(KeyStamp contradiction, ComparisonTerms terms, ShardPeers peers)
    {
        var request = new LocalReadRequest
        {
            Keys = [contradiction.Key],
            FromReplicaId = replica.Identity.ReplicaId,
            MapEpoch = peers.Epoch,
            AsIs = true,
        };
        List<Testimony> testimonies = [new(replica.Node.StoreId, replica.Local.Read(contradiction.Key))];
        List<(ShardPeer Peer, StampedEntry Entry)> answers = [];
        foreach (var peer in peers.Counting)
        {
            if (await Ask(peer, request) is { Kind: OutcomeKind.Ok, Entries: [var entry], StoreId: var storeId })
            {
                testimonies.Add(new(storeId, entry));
                answers.Add((peer, entry));
            }
        }
        var right = Contradiction.Decide(testimonies, peers.Counting.Length + 1, terms);
        if (right is null && testimonies.Any(one => one.Entry.Version > contradiction.Version))
        {
            // It was written again meanwhile: that version is nobody's any more.
            return;
        }
        replica.Totals.HasMetContradiction();
        var key = Convert.ToHexString(contradiction.Key.Span);
        if (right is null)
        {
            LogUndecided(replica.Identity.KeyspaceId, replica.Identity.ShardId, key, contradiction.Version);
            return;
        }
        LogDecided(replica.Identity.KeyspaceId, replica.Identity.ShardId, key, contradiction.Version);
        var overruling = Contradiction.Overruling(right);
        var content = Contradiction.ContentOf(right, terms);
        if (Contradiction.ContentOf(testimonies[0].Entry, terms) != content)
        {
            await replica.Local.Write([overruling]);
        }
        foreach (var (peer, entry) in answers)
        {
            if (Contradiction.ContentOf(entry, terms) != content)
            {
                await peer.Grain.Replicate(
                    new()
                    {
                        FromReplicaId = replica.Identity.ReplicaId,
                        Entries = [overruling],
                        MapEpoch = peers.Epoch,
                    }
                );
            }
        }
    }

    private static async Task<LocalReadReply?> Ask(ShardPeer peer, LocalReadRequest request)
    {
        try
        {
            return await peer.Grain.ReadLocal(request);
        }
        catch (Exception)
        {
            // Who does not answer has no say.
            return null;
        }
    }

    [LoggerMessage(
        LogLevel.Information,
        "Replica {ReplicaId} was compared with {PeerReplicaId}: {Leaves} leaves differed, {Pulled} entries came, {Pushed} went; it stopped early because of: {Problem}"
    )]
    private partial void LogCompared(
        long replicaId,
        long peerReplicaId,
        int leaves,
        long pulled,
        long pushed,
        string? problem
    );

    [LoggerMessage(LogLevel.Debug, "Replica {PeerReplicaId} gives no digest: {Kind} {Detail}")]
    private partial void LogNoDigest(long peerReplicaId, OutcomeKind kind, string? detail);

    [LoggerMessage(LogLevel.Warning, "Replica {ReplicaId} could not be compared with the others")]
    private partial void LogNotCompared(Exception failure, long replicaId);

    [LoggerMessage(
        LogLevel.Critical,
        "Replicas of keyspace {KeyspaceId}, shard {ShardId}, held version {Version} of the key 0x{Key} with different contents: what most of them or its origin hold was put in place of the others"
    )]
    private partial void LogDecided(long keyspaceId, long shardId, string key, VersionStamp version);

    [LoggerMessage(
        LogLevel.Critical,
        "Replicas of keyspace {KeyspaceId}, shard {ShardId}, hold version {Version} of the key 0x{Key} with different contents, and nothing says which is right: it was left as it is"
    )]
    private partial void LogUndecided(long keyspaceId, long shardId, string key, VersionStamp version);
}
