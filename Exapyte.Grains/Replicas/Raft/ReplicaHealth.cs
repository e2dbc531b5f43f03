using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// Whether a replica serves: how it ends and what may still be read of it. Decides and does nothing else; the replica moves
/// from one to the next and never back.
/// </summary>
internal sealed record ReplicaHealth
{
    /// <summary>Well.</summary>
    public static readonly ReplicaHealth Well = new();

    /// <summary>Why it serves no more; empty while it does.</summary>
    public string Problem { get; private init; } = "";

    /// <summary>Whether it takes no input any more. One that is damaged first gives leadership away.</summary>
    public bool IsStopped { get; private init; }

    /// <summary>What it holds does not verify: it must be replaced and never serves again.</summary>
    public bool IsDamaged { get; private init; }

    /// <summary>It is damaged and the only one of its shard, and goes on with what can be read.</summary>
    public bool IsDegraded { get; private init; }

    /// <summary>Whether what was applied may still be read, although it has stopped.</summary>
    public bool ServesReads { get; private init; }

    /// <summary>Whether what was applied is surely all that was ever acknowledged.</summary>
    public bool ServesProvenReads { get; private init; }

    /// <summary>Whether nobody is answered at all.</summary>
    public bool IsSilent => Problem.Length > 0 && !ServesReads;

    /// <summary>Damage was found in what the replica holds; it has not stopped yet.</summary>
    public ReplicaHealth Condemned(string reason) =>
        IsDamaged
            ? this
            : this with
            {
                IsDamaged = true,
                Problem = reason,
                ServesReads = false,
                ServesProvenReads = false,
            };

    /// <summary>Damage was found, and nobody could take the replica's place.</summary>
    public ReplicaHealth Degraded() => this with { IsDegraded = true };

    /// <summary>It is stopped on purpose, or because it is damaged. The first reason stands, and it is not read any more.</summary>
    public ReplicaHealth Stopped(string reason) =>
        this with
        {
            IsStopped = true,
            Problem = Problem.Length > 0 ? Problem : reason,
            ServesReads = false,
            ServesProvenReads = false,
        };

    /// <summary>
    /// It fails. Where only the disk failed, what was applied before can still be read: without proof by any replica, with
    /// proof by the only member of its group, for nobody else can have acknowledged anything since.
    /// </summary>
    /// <param name="cause">What it met.</param>
    /// <param name="holdsAllAcknowledged">Whether all that was ever acknowledged is applied here.</param>
    public ReplicaHealth Failed(Exception cause, bool holdsAllAcknowledged)
    {
        // What has stopped for another reason before is not read any more, whatever comes after.
        var canRead = IsOfDisk(cause) && (Problem.Length == 0 || ServesReads);
        return this with
        {
            IsStopped = true,
            Problem = Problem.Length > 0 ? Problem : cause.Message,
            ServesReads = canRead,
            ServesProvenReads = canRead && holdsAllAcknowledged,
        };
    }

    /// <summary>Whether what was met means that a replica which others can replace is damaged.</summary>
    /// <param name="cause">What it met.</param>
    /// <param name="isOnlyVoter">Whether nobody could take its place.</param>
    public static bool IsDamage(Exception cause, bool isOnlyVoter) =>
        cause is StoreDamagedException or ReplicaFailedException { IsOfDamage: true } && !isOnlyVoter;

    private static bool IsOfDisk(Exception cause) =>
        cause
            is ReplicaFailedException { IsOfDisk: true }
                or StoreFailedException
                and not (StoreDamagedException or StoreDeletedException);
}
