using Exapyte.Grains.Replicas;
using Exapyte.Raft;
using Exapyte.Simulation.Invariants;
using Exapyte.Simulation.Stores;

namespace Exapyte.Simulation.Planted;

/// <summary>A shard as it would be if all that a member holds were committed.</summary>
internal static class DirtyStore
{
    public static ModelShard Of(ModelShard shard, RaftCore core)
    {
        var copy = Copy(shard);
        var machine = new ShardStateMachine(copy);
        foreach (var entry in CoreDoor.LogOf(core).Read(new(copy.AppliedIndex + 1), long.MaxValue) ?? [])
        {
            machine.Apply(entry, entry.Kind == EntryKind.Configuration ? core.ConfigurationAfter(entry) : null);
        }
        return copy;
    }

    private static ModelShard Copy(ModelShard shard)
    {
        var copy = new ModelShard(new());
        var batch = copy.NewBatch();
        for (var i = 0; i < shard.Keys.Count; i++)
        {
            batch.Put(shard.Keys[i], shard.Entries[i]);
        }
        shard.ScanMeta(
            [],
            (key, value) =>
            {
                batch.PutMeta(key, value);
                return true;
            }
        );
        batch.AppliedIndex = shard.AppliedIndex;
        copy.Apply(batch);
        return copy;
    }
}
