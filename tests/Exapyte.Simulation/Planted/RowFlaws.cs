using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Stores;
using Exapyte.Storage.Stores;

namespace Exapyte.Simulation.Planted;

/// <summary>A reader takes for ended what has ended by its own clock, and the log does not know of.</summary>
internal sealed class ExpiredByReadersClock : Flaw
{
    public override long ReadClockMs(long stampMs, SimulatedReplica replica) => Math.Max(stampMs, replica.NowMs);
}

/// <summary>Rows that remember request ids do not tell whose keys they are of.</summary>
internal sealed class RequestIdsWithoutKeyHash : Flaw
{
    private const int RowBytes = 26;

    public override IShardStore StoreOf(ModelShard shard, SimulatedReplica replica) =>
        new AlteredStore(shard, static _ => false, static _ => true, Shorten);

    private static void Shorten(ModelBatch batch)
    {
        for (var i = 0; i < batch.Changes.Count; i++)
        {
            var change = batch.Changes[i];
            if (change is { Kind: ModelChangeKind.PutMeta, Meta.Length: > RowBytes } && change.Key[0] == (byte)'r')
            {
                batch.Changes[i] = change with { Meta = change.Meta[..RowBytes] };
            }
        }
    }
}

/// <summary>The rows of changes are written behind the batch of the changes, where a crash can come between.</summary>
internal sealed class ChangesOutsideOfTheBatch : Flaw
{
    public override IShardStore StoreOf(ModelShard shard, SimulatedReplica replica)
    {
        List<ModelChange> late = [];
        return new AlteredStore(
            shard,
            static _ => false,
            static _ => true,
            batch =>
            {
                // Those of the batch before, which the store has by now.
                var own = batch.Changes.Where(IsChangeRow).ToArray();
                batch.Changes.RemoveAll(IsChangeRow);
                batch.Changes.AddRange(late);
                late.Clear();
                late.AddRange(own);
            }
        );
    }

    private static bool IsChangeRow(ModelChange change) =>
        change.Kind == ModelChangeKind.PutMeta && change.Key[0] == (byte)'h';
}

/// <summary>Which keys are the shard's is forgotten when a replica starts.</summary>
internal sealed class OwnershipForgottenAtStart : Flaw
{
    public override IShardStore StoreOf(ModelShard shard, SimulatedReplica replica) =>
        new AlteredStore(shard, static _ => false, static key => key[0] != (byte)'b');
}

/// <summary>Changes are left out of snapshots.</summary>
internal sealed class ChangesNotInSnapshots : Flaw
{
    public override SnapshotPart Alter(SnapshotPart part) =>
        part with
        {
            Rows = [.. part.Rows.Where(row => !row.IsMeta || row.Key.Span[0] != (byte)'h')],
        };
}

/// <summary>Entries that have ended go without a change that says so.</summary>
internal sealed class SweptWithoutAChange : Flaw
{
    public override void Sweep(SimulatedReplica replica) => replica.Shard.SweepExpired(replica.Machine.StampMs, 10);
}

/// <summary>An increment does not see what is there.</summary>
internal sealed class CountsFromZero : Flaw
{
    public override IShardStore StoreOf(ModelShard shard, SimulatedReplica replica) =>
        new AlteredStore(shard, static entry => entry.ContentType.Length > 0, static _ => true);
}
