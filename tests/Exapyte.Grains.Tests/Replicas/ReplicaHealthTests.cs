using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Tests.Replicas;

public class ReplicaHealthTests
{
    private static readonly Exception DiskFailure = new ReplicaFailedException("EIO", isOfDisk: true);

    [Fact]
    public void Where_only_the_disk_failed_what_was_applied_can_still_be_read()
    {
        var alone = ReplicaHealth.Well.Failed(DiskFailure, holdsAllAcknowledged: true);
        var oneOfMany = ReplicaHealth.Well.Failed(DiskFailure, holdsAllAcknowledged: false);

        Assert.Equal((true, true, true), (alone.IsStopped, alone.ServesReads, alone.ServesProvenReads));
        Assert.Equal((true, true, false), (oneOfMany.IsStopped, oneOfMany.ServesReads, oneOfMany.ServesProvenReads));
        Assert.Equal("EIO", alone.Problem);
    }

    [Fact]
    public void A_broken_invariant_leaves_nothing_to_be_read()
    {
        var broken = ReplicaHealth.Well.Failed(new InvalidOperationException("broken"), holdsAllAcknowledged: true);

        Assert.True(broken.IsSilent);
        Assert.False(broken.ServesProvenReads);
    }

    [Fact]
    public void What_stopped_for_another_reason_is_not_read_again_because_a_disk_fails_later()
    {
        var stopped = ReplicaHealth.Well.Stopped("stopped");

        Assert.True(stopped.Failed(DiskFailure, holdsAllAcknowledged: true).IsSilent);
        Assert.Equal("stopped", stopped.Failed(DiskFailure, holdsAllAcknowledged: true).Problem);
    }

    [Fact]
    public void A_replica_that_was_found_damaged_never_serves_again()
    {
        var readOnly = ReplicaHealth.Well.Failed(DiskFailure, holdsAllAcknowledged: true);
        var damaged = readOnly.Condemned("a row does not verify");

        Assert.True(damaged.IsSilent);
        Assert.True(damaged.Failed(DiskFailure, holdsAllAcknowledged: true).IsSilent);
        Assert.Equal("a row does not verify", damaged.Condemned("another").Problem);
    }

    [Fact]
    public void Damage_condemns_only_a_replica_that_others_can_replace()
    {
        var damage = new StoreDamagedException("a row does not verify");

        Assert.True(ReplicaHealth.IsDamage(damage, isOnlyVoter: false));
        Assert.False(ReplicaHealth.IsDamage(damage, isOnlyVoter: true));
        Assert.False(ReplicaHealth.IsDamage(DiskFailure, isOnlyVoter: false));
    }
}
