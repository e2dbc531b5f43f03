using Exapyte.Grains.Replicas;
using Exapyte.Raft;
using Exapyte.Simulation.Invariants;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Testing.Files;

namespace Exapyte.Simulation.Clusters;

/// <summary>How a node dies, what its disk does to it, and how it comes back.</summary>
internal sealed partial class SimulatedNode
{
    private int operationsUntilCrash = -1;
    private int syncsUntilFailure = -1;
    private bool crashesBeforeSync;

    /// <summary>The process or the machine ends before one of the next operations on files.</summary>
    public void ArmCrash(int operations) => operationsUntilCrash = operations;

    /// <summary>The machine loses its power between the next write and its sync.</summary>
    public void ArmCrashBeforeSync() => crashesBeforeSync = true;

    /// <summary>The device will refuse one of the next syncs.</summary>
    public void ArmSyncFailure(int syncs) => syncsUntilFailure = syncs;

    /// <summary>Nothing of that will happen any more.</summary>
    public void Disarm()
    {
        operationsUntilCrash = syncsUntilFailure = -1;
        crashesBeforeSync = false;
    }

    /// <summary>The node ends, if it runs.</summary>
    /// <param name="power">The machine, not only the process.</param>
    /// <param name="backAfterUs">When it starts again; 0: some time.</param>
    public void Crash(bool power, long backAfterUs = 0)
    {
        if (IsUp)
        {
            Die(power, backAfterUs);
        }
    }

    /// <summary>The node ends, perhaps while it starts. Its files are what they are; its store forgets.</summary>
    public void Die(bool power, long backAfterUs = 0)
    {
        world.Trace.Note($"node {Index} ends, {(power ? "power cut" : "killed")}");
        world.Tally.Count(power ? Happening.PowerCuts : Happening.Kills);
        if (IsUp)
        {
            CountLog();
        }
        IsUp = false;
        Life++;
        isLogDue = false;
        unheard.Clear();
        heardAtUs = 0;
        Disarm();
        PausedUntilUs = 0;
        foreach (var replica in Replicas.Values)
        {
            replica.Die();
        }
        Replicas.Clear();
        retired.Clear();
        disused.Clear();
        Files.Crash();
        if (power)
        {
            Files.PowerCut(new Random((int)world.Chance.Next()));
        }
        else
        {
            Files.Restart();
        }
        var unflushed = Disk.Unflushed;
        Disk.Crash(world.Chance);
        world.Flaw.StoreCrashed(this);
        world.Tally[Happening.UnflushedBatchesLost] += unflushed;
        var back = backAfterUs > 0 ? backAfterUs : world.Chance.Between(50_000L, 2_000_000);
        world.Add(back, EventKind.Restart, this, null);
    }

    /// <summary>Enters what its log has done in this life.</summary>
    public void CountLog()
    {
        var did = Log.Statistics;
        world.Tally[Happening.SegmentsReleased] += did.SegmentsReleased;
        world.Tally[Happening.EntriesRewritten] += did.EntriesRewritten;
    }

    /// <summary>Starts again from what the disk holds.</summary>
    public void Restart()
    {
        if (IsUp)
        {
            return;
        }
        try
        {
            Open(out var recovery);
            Recover(recovery);
        }
        catch (DiskException cause)
        {
            world.Trace.Note($"node {Index} does not start: {cause.Message}");
            Die(power: false);
        }
    }

    private void Open(out NodeLogRecovery recovery)
    {
        Life++;
        Log = SteppedNodeLog.Open(
            Folder,
            world.Limits.Log,
            world.Flaw.FilesOf(Files, this),
            (ulong)Index + 1,
            out recovery
        );
        IsUp = true;
        SnapshotSlots = new(4, 4);
        world.Add(world.Chance.Below(TickUs), EventKind.Tick, this, null);
        world.Add(world.Chance.Below(world.Weather.UpkeepUs), EventKind.Upkeep, this, null);
    }

    private void Recover(NodeLogRecovery recovery)
    {
        world.Tally.Count(Happening.Restarts);
        world.Tally[Happening.TornTails] += recovery.Tail is null ? 0 : 1;
        world.Tally[Happening.DamageReported] += recovery.Damage.Count;
        History.Require(
            HasRot || recovery.Damage.Count == 0,
            "false-damage",
            $"node {Index} reports damage where there is none: {string.Join("; ", recovery.Damage)}"
        );
        recovery = world.Flaw.Alter(recovery);
        var check = new RecoveryCheck();
        HashSet<ulong> found = [];
        HashSet<ulong> prefixes = [];
        foreach (var group in recovery.Groups)
        {
            found.Add(group.Id.Value);
            if (group.Quarantined is null)
            {
                var identity = ReplicaIdentity.FromBytes(group.Descriptor.Span);
                prefixes.Add(group.Snapshot?.Prefix ?? identity.StorePrefix);
                Hosted[group.Id.Value] = identity;
            }
            Recover(group, check);
        }
        check.RequireOneOrder();
        world.Tally[Happening.QuarantinesBesideOthers] +=
            recovery.Groups.Any(group => group.Quarantined is null)
            && recovery.Groups.Any(group => group.Quarantined is not null)
                ? 1
                : 0;
        foreach (var id in Hosted.Keys.Where(id => !found.Contains(id)).ToArray())
        {
            Missing(id, recovery);
        }
        foreach (var prefix in Disk.ListPrefixes().Where(prefix => !prefixes.Contains(prefix)))
        {
            Disk.DeleteShard(prefix);
        }
        retired.AddRange(recovery.Destroyed);
        StartReplicas();
    }

    private void Recover(RecoveredGroup group, RecoveryCheck check)
    {
        var id = new MemberId(group.Id.Value);
        if (group.Quarantined is { } reason)
        {
            rot.RequireHit(group.Id, reason);
            world.Tally.Count(Happening.ReplicasQuarantined);
            world.GroupOf(id).Damaged(id);
            return;
        }
        var book = world.GroupOf(id).BookOf(id);
        var log = Log.OpenGroup(group.Id);
        var isSame = RecoveryCheck.TryMatch(book, log, out var survived, out var survivedAtMost);
        if (!isSame && HasRot && log.Quarantined is { } found)
        {
            rot.RequireHit(group.Id, found);
            world.GroupOf(id).Damaged(id);
            return;
        }
        History.Require(
            isSame,
            "durable-lost",
            $"replica {id} recovered ({group.FirstIndex}, {group.LastIndex}) {group.State}, the book has ({book.BaseIndex}, {book.Last}) {book.State} and {book.UnderWay.Count} changes under way"
        );
        check.Saw(book, survived, survivedAtMost);
        book.Recovered(survived);
    }

    /// <summary>A replica that the log does not know any more was being destroyed, or damage hit its description.</summary>
    private void Missing(ulong id, NodeLogRecovery recovery)
    {
        var member = new MemberId(id);
        var group = world.GroupOf(member);
        if (recovery.Destroyed.Contains(new(id)) || group.Operator.IsRetiring(member))
        {
            world.Tally.Count(Happening.ReplicasRetired);
            group.Retired(member);
            Disk.DeleteShard(Hosted[id].StorePrefix);
            Hosted.Remove(id);
            return;
        }
        History.Require(HasRot, "replica-lost", $"node {Index} does not know replica {id} any more");
        group.Damaged(member);
    }

    private void BeforeFileOperation(FileOperation operation)
    {
        if (operation.Action == FileAction.Read)
        {
            world.Tally[Happening.LogReadsFromDisk] += IsUp ? 1 : 0;
            return;
        }
        if (operation is { Action: FileAction.Write, Offset: > 0 })
        {
            rot.NoteBatch(operation);
        }
        if (
            (operationsUntilCrash >= 0 && operationsUntilCrash-- == 0)
            || (crashesBeforeSync && operation.Action == FileAction.Sync)
        )
        {
            world.Tally.Count(Happening.CrashesInsideFileOperations);
            Files.Crash();
            throw new SimulatedCrashException();
        }
        if (operation.Action is FileAction.Sync && syncsUntilFailure >= 0 && syncsUntilFailure-- == 0)
        {
            world.Tally.Count(Happening.SyncFailures);
            throw new DiskException($"fdatasync {operation.Path}: input/output error", DiskException.InputOutput);
        }
    }
}
