using Exapyte.Keyspaces;

namespace Exapyte.Operations;

/// <summary>What every answer of a replica to a question about its whole shard says of itself.</summary>
public interface IShardReply
{
    /// <summary><see cref="OutcomeKind.Ok"/>; else why there is no answer.</summary>
    OutcomeKind Kind { get; }

    /// <summary>A sentence for a person where it is not Ok.</summary>
    string? Detail { get; }

    /// <summary>For <see cref="OutcomeKind.NotLeader"/>: the leader's replica id, 0 where unknown.</summary>
    long LeaderReplicaId { get; }

    /// <summary>The current map, where the caller's epoch is older than the replica's; else null.</summary>
    KeyspaceMap? NewerMap { get; }
}
