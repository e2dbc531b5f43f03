using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;
using Exapyte.Simulation.Clients;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Invariants;
using Exapyte.Simulation.Stores;
using Exapyte.Storage.Stores;

namespace Exapyte.Simulation.Planted;

/// <summary>A leader answers reads without asking whether it still leads.</summary>
internal sealed class StaleReadIndex : Flaw
{
    public override void ReadArrived(ClientCall call, SimulatedReplica replica)
    {
        if (replica.Core.Role == RaftRole.Leader)
        {
            call.Read!.Complete(ReadVerdict.Ready);
        }
    }
}

/// <summary>Any replica answers reads from what it has applied.</summary>
internal sealed class ReadWithoutProof : Flaw
{
    public override void ReadArrived(ClientCall call, SimulatedReplica replica) =>
        call.Read!.Complete(ReadVerdict.Ready);
}

/// <summary>A read that was proved is answered from a state that has not reached the proof.</summary>
internal sealed class ReadBeforeApply : Flaw
{
    public override IShardStore ReadFrom(IShardStore store, ReadWay way, SimulatedReplica replica)
    {
        if (way == ReadWay.Eventual)
        {
            return store;
        }
        var slowest = replica.Shard;
        foreach (var other in replica.Group.Running())
        {
            slowest = other.Shard.AppliedIndex < slowest.AppliedIndex ? other.Shard : slowest;
        }
        return slowest;
    }
}

/// <summary>After a crash the applied index is older than what was applied: entries are applied twice.</summary>
internal sealed class AppliedTwiceAfterRestart : Flaw
{
    public override void StoreCrashed(SimulatedNode node)
    {
        foreach (var prefix in node.Disk.ListPrefixes())
        {
            var shard = node.Disk.OpenShard(prefix);
            if (shard.AppliedIndex > 40)
            {
                shard.ForgetApplied(shard.AppliedIndex - 1);
            }
        }
    }
}

/// <summary>Request ids are left out of snapshots.</summary>
internal sealed class RequestIdsNotInSnapshots : Flaw
{
    public override SnapshotPart Alter(SnapshotPart part) =>
        part with
        {
            Rows = [.. part.Rows.Where(row => !row.IsMeta || row.Key.Span[0] is not ((byte)'r' or (byte)'t'))],
        };
}

/// <summary>A snapshot counts as whole although only its last part was taken.</summary>
internal sealed class SnapshotPartLost : Flaw
{
    public override SnapshotPart Alter(SnapshotPart part) =>
        part.IsLast ? part : part with { Rows = [.. part.Rows.Where(row => row.IsMeta)] };
}

/// <summary>A snapshot is installed before the store holds it durably.</summary>
internal sealed class SnapshotNotFlushed : Flaw
{
    public override void FlushForSnapshot(SimulatedNode node) { }
}

/// <summary>A late snapshot replaces a log that has more than it.</summary>
internal sealed class SnapshotOverNewerLog : Flaw
{
    public override void AfterInput(ReplicaInput input, SimulatedReplica replica)
    {
        var applied = replica.Core.AppliedIndex;
        if (
            MessageOf(input) is { Kind: RaftMessageKind.Append }
            && replica.Core.DurableIndex > applied
            && replica.World.Chance.OneIn(20)
            && replica.Log.TermAt(applied.Value) is { } term
        )
        {
            replica.Node.Log.SnapshotInstalled(
                replica.LogId,
                replica.View.StorePrefix,
                applied.Value,
                term,
                ConfigurationCodec.Encode(replica.Core.Configuration)
            );
            replica.Node.LogHasWork(mustSync: true);
        }
    }
}

/// <summary>Expiry is judged by the clock of the replica that applies.</summary>
internal sealed class ExpiredByLocalClock : Flaw
{
    public override IShardStore StoreOf(ModelShard shard, SimulatedReplica replica) =>
        new AlteredStore(shard, hides: entry => entry.IsExpired(replica.NowMs), keepsMeta: static _ => true);
}

/// <summary>What has expired is shown until it is removed.</summary>
internal sealed class ExpiredIsShown : Flaw
{
    public override long ReadClockMs(long stampMs, SimulatedReplica replica) => 0;
}

/// <summary>Entries are hidden a second before they end.</summary>
internal sealed class VanishesEarly : Flaw
{
    public override long ReadClockMs(long stampMs, SimulatedReplica replica) => stampMs + 1_000;
}

/// <summary>Each replica removes what has expired by its own clock.</summary>
internal sealed class SweptByLocalClock : Flaw
{
    public override void Sweep(SimulatedReplica replica) => replica.Shard.SweepExpired(replica.NowMs, 10);
}

/// <summary>What the store had no space for counts as applied.</summary>
internal sealed class FullStoreIgnored : Flaw
{
    public override void BeforeInput(ReplicaInput input, SimulatedReplica replica)
    {
        if (replica.View.IsHeldUp)
        {
            replica.Shard.ForgetApplied(replica.Shard.AppliedIndex + 1);
        }
    }
}

/// <summary>A request id is never found again.</summary>
internal sealed class RequestIdForgotten : Flaw
{
    public override IShardStore StoreOf(ModelShard shard, SimulatedReplica replica) =>
        new AlteredStore(shard, hides: static _ => false, keepsMeta: static key => key[0] != (byte)'r');
}
