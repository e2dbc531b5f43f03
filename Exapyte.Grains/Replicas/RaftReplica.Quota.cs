using Exapyte.Grains.Replicas.Quotas;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas;

/// <summary>What the shard may hold of its keyspace's quota.</summary>
internal sealed partial class RaftReplica
{
    private const int CountingTimeoutMs = 10_000;

    private PendingWrite? counting;

    /// <inheritdoc/>
    public ShardUse? Use =>
        loop.Machine is { } machine && machine.Usage.At(NowMs) is { } held
            ? new()
            {
                ShardId = Identity.ShardId,
                AppliedIndex = machine.Applied.Value,
                Usage = held,
            }
            : null;

    /// <summary>What the shard may hold once the batch's puts are done; null: as much as it likes, or nothing is put.</summary>
    private async ValueTask<Usage?> LimitsOf(OperationBatch batch)
    {
        if (map is not { Settings.Quota: not null } current || loop.Core.Role != RaftRole.Leader)
        {
            return null;
        }
        var put = Usages.PutBy(batch.Operations);
        if (put == default)
        {
            return null;
        }
        var held = loop.Machine.Usage.At(NowMs).GetValueOrDefault();
        return (await node.Quotas.LimitsOf(current, Identity.ShardId, held, put)).Limits;
    }

    private bool IsToBeCounted =>
        map is { Settings.Quota: not null } && loop.Core.Role == RaftRole.Leader && !loop.Machine.Usage.IsCounted;

    /// <summary>A leader whose shard is to be counted and is not proposes a command that does nothing else.</summary>
    private void ConsiderCounting(ReplicaLoop _)
    {
        if (!IsToBeCounted || map is not { } current || counting is { IsDone: false })
        {
            return;
        }
        counting = new(
            new()
            {
                Operations = [],
                MapEpoch = current.Epoch,
                TimeoutMs = CountingTimeoutMs,
            },
            NowMs + CountingTimeoutMs
        );
        mailbox.Post(ReplicaInput.Of(counting), inline: false);
    }
}
