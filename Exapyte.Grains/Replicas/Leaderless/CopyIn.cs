using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Fills a replica that has not everything it should have: one that is joining, or one whose memory is gone. It takes a
/// copy of every other replica that counts, for a write that was acknowledged may be held by one of them only. Nothing
/// of it is kept over a restart: the copy begins again, and moves what is still lacking.
/// </summary>
/// <remarks>
/// A copy counts for a joining replica only if it was begun after the other one had it in its map with every write
/// ended that it began before; from then on all that the other one takes is pushed here as well.
/// </remarks>
internal sealed partial class CopyIn(ReplicaContext replica, DamageReport damage)
{
    /// <summary>Everything there is: also what others may have swept, for it may be what keeps an old value away.</summary>
    private static readonly ComparisonTerms Everything = new()
    {
        AsOfMs = long.MinValue,
        SweptMs = long.MinValue,
        RevisionMax = ulong.MaxValue,
    };

    private readonly ILogger logger = replica.Node.LoggerFactory.CreateLogger("Exapyte.Replicas");
    private readonly HashSet<long> copied = [];
    private long dueAt;
    private int running;
    private TimeSpan pause = replica.Node.Options.CopyRetryMin;
    private volatile bool isRefilling;
    private long caughtUpAt;
    private volatile string waitsFor = "";

    /// <summary>Whether it counts although its memory is gone, so that nobody may count on what it does not have.</summary>
    public bool IsRefilling => isRefilling;

    /// <summary>Whether the map has it as joining.</summary>
    public bool IsJoining => IsJoiningIn(replica.Peers);

    /// <summary>The epoch of the map by which a joining replica is complete; 0 while it is not.</summary>
    public long CaughtUpAt => Volatile.Read(ref caughtUpAt);

    /// <summary>Why it is not complete; empty where it is.</summary>
    public string Problem =>
        waitsFor.Length > 0 ? waitsFor
        : isRefilling ? "It has lost what it held in memory and copies it from the others."
        : IsJoining && CaughtUpAt == 0 ? "It copies what the others hold."
        : "";

    /// <summary>What this replica held in memory is gone.</summary>
    public void HasForgotten() => isRefilling = true;

    /// <summary>Goes on where there is something to copy. Called by one thread at a time.</summary>
    public void Tick()
    {
        var peers = replica.Peers;
        var isJoining = IsJoiningIn(peers);
        if (
            (!isJoining && !isRefilling)
            || (isJoining && CaughtUpAt == peers.Epoch)
            || Volatile.Read(ref running) != 0
            || replica.Node.Time.GetTimestamp() < dueAt
            || !replica.Node.Comparing.Copies.Wait(0, CancellationToken.None)
        )
        {
            return;
        }
        Volatile.Write(ref running, 1);
        _ = Task.Run(() => Run(peers, isJoining));
    }

    private bool IsJoiningIn(ShardPeers peers) =>
        Array.Exists(
            peers.Placement?.Replicas ?? [],
            placed => placed.ReplicaId == replica.Identity.ReplicaId && placed.Joining
        );

    private async Task Run(ShardPeers peers, bool isJoining)
    {
        try
        {
            var problem = await Copy(peers, isJoining);
            if (problem is null)
            {
                isRefilling = false;
                Volatile.Write(ref caughtUpAt, peers.Epoch);
                pause = replica.Node.Options.CopyRetryMin;
                LogComplete(replica.Identity.ReplicaId, peers.Epoch);
            }
            if (problem is not null && waitsFor != problem)
            {
                LogWaits(replica.Identity.ReplicaId, problem);
            }
            waitsFor = problem ?? "";
        }
        catch (OperationCanceledException)
        {
            // The replica is stopped.
        }
        catch (StoreDamagedException found)
        {
            damage.Found(found.Message);
            waitsFor = found.Message;
        }
        catch (Exception failure)
        {
            waitsFor = $"Copying from the others failed and is tried again: {failure.Message}";
        }
        finally
        {
            if (waitsFor.Length > 0)
            {
                dueAt =
                    replica.Node.Time.GetTimestamp()
                    + (long)(pause.TotalSeconds * replica.Node.Time.TimestampFrequency);
                pause = pause * 2 < replica.Node.Options.CopyRetryMax ? pause * 2 : replica.Node.Options.CopyRetryMax;
            }
            Volatile.Write(ref running, 0);
            replica.Node.Comparing.Copies.Release();
        }
    }

    /// <summary>Copies from everyone who can be copied from; why it is not complete, null where it is.</summary>
    private async Task<string?> Copy(ShardPeers peers, bool isJoining)
    {
        string? problem = isJoining && peers.Counting.Length == 0 ? "There is no replica left to copy from." : null;
        foreach (var peer in peers.Counting)
        {
            try
            {
                var found = await CopyFrom(peer, peers, isJoining);
                problem ??= found is null
                    ? null
                    : $"It waits for replica {peer.ReplicaId} on node {peer.Placed.Node}: {found}";
            }
            catch (Exception failure) when (failure is not OperationCanceledException and not StoreDamagedException)
            {
                problem ??= $"It waits for replica {peer.ReplicaId} on node {peer.Placed.Node}: {failure.Message}";
            }
        }
        return problem;
    }

    private async Task<string?> CopyFrom(ShardPeer peer, ShardPeers peers, bool isJoining)
    {
        if (!replica.Node.Peers.IsAlive(peer.Placed.Node))
        {
            return "the node is away.";
        }
        var sinceEpoch = isJoining ? peers.Epoch : 0;
        if (copied.Contains(peer.ReplicaId))
        {
            return isJoining ? await Confirm(peer, sinceEpoch) : null;
        }
        var copy = new PeerComparison(
            replica.Local,
            peer,
            replica.Node.Clock,
            Everything,
            replica.Identity.ReplicaId,
            peers.Epoch
        );
        var differences = await copy.Copy(sinceEpoch, replica.NewPace(), replica.Stop);
        replica.Totals.HasCopied(differences.Pulled);
        if (differences.Problem is null)
        {
            copied.Add(peer.ReplicaId);
            LogCopied(replica.Identity.ReplicaId, peer.ReplicaId, differences.Pulled);
        }
        return differences.Problem;
    }

    /// <summary>Whether a peer that was copied from serves by this map too; why not, else null.</summary>
    private static async Task<string?> Confirm(ShardPeer peer, long sinceEpoch)
    {
        var reply = await peer.Comparison.Stamps(
            new()
            {
                Terms = Everything,
                Leaves = [],
                SinceEpoch = sinceEpoch,
            }
        );
        return reply.Kind == OutcomeKind.Ok ? null : reply.Detail ?? reply.Kind.ToString();
    }

    [LoggerMessage(
        LogLevel.Information,
        "Replica {ReplicaId} has copied {Entries} entries from replica {PeerReplicaId}"
    )]
    private partial void LogCopied(long replicaId, long peerReplicaId, long entries);

    [LoggerMessage(LogLevel.Information, "Replica {ReplicaId} holds what all others hold, at map epoch {Epoch}")]
    private partial void LogComplete(long replicaId, long epoch);

    [LoggerMessage(LogLevel.Warning, "Replica {ReplicaId} is not complete yet. {Problem}")]
    private partial void LogWaits(long replicaId, string problem);
}
