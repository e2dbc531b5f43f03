using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// How a replica ends: it moves its <see cref="ReplicaHealth"/> on, tells everybody who waits, and has the node told. Used by
/// one thread at a time.
/// </summary>
internal sealed class ReplicaEnding(
    RaftCore core,
    WaitingCallers callers,
    CommittedEntries committed,
    ReplicaEffects effects
)
{
    private const int HandOverTicks = 20;

    private int ticksToHandOver;

    /// <summary>How the replica is.</summary>
    public ReplicaHealth Health { get; private set; } = ReplicaHealth.Well;

    /// <summary>Whether it is damaged and still gives leadership away.</summary>
    public bool IsHandingOver => Health is { IsDamaged: true, IsStopped: false };

    /// <summary>
    /// Damage was found. The replica answers nothing more, gives leadership away if it has it, and stops; the control plane is
    /// asked to replace it. The only voter of its group goes on with what can be read: nobody could take its place.
    /// </summary>
    /// <param name="reason">What was found.</param>
    /// <param name="isInstalling">Whether it stands before the swap of its state, and cannot hand over.</param>
    /// <returns>Whether leadership is to be given away first.</returns>
    public bool FindDamage(string reason, bool isInstalling)
    {
        if (IsOnlyVoter)
        {
            if (!Health.IsDegraded)
            {
                Health = Health.Degraded();
                effects.Others.Enqueue(new ReplicaEffect.Degraded(reason));
            }
            return false;
        }
        if (Health.IsDamaged)
        {
            return false;
        }
        Condemn(reason);
        if (Health.IsStopped)
        {
            return false;
        }
        if (isInstalling || core.Role != RaftRole.Leader)
        {
            Stop(reason);
            return false;
        }
        ticksToHandOver = HandOverTicks;
        return true;
    }

    /// <summary>A tick has passed in which leadership is given away.</summary>
    public void Tick() => ticksToHandOver--;

    /// <summary>Stops a damaged replica once leadership is given away, or nobody takes it; false where it goes on.</summary>
    public bool TryEnd()
    {
        if (!IsHandingOver || (ticksToHandOver > 0 && core.Role == RaftRole.Leader))
        {
            return false;
        }
        Stop(Health.Problem);
        return true;
    }

    /// <summary>It is stopped on purpose, or because it is damaged.</summary>
    public void Stop(string reason)
    {
        Health = Health.Stopped(reason);
        Abandon(reason);
    }

    /// <summary>It fails: a broken invariant, a failed disk or damage.</summary>
    public void Fail(Exception cause)
    {
        effects.KeepAnswers();
        if (ReplicaHealth.IsDamage(cause, IsOnlyVoter) && !Health.IsDamaged)
        {
            Condemn(cause.Message);
        }
        Health = Health.Failed(cause, committed.HoldsAllAcknowledged);
        effects.Others.Enqueue(new ReplicaEffect.Failed(cause, Health.ServesReads));
        Abandon(cause.Message);
    }

    private bool IsOnlyVoter => core.Configuration.Voters.Length <= 1 && core.Configuration.IsVoter(core.Id);

    private void Condemn(string reason)
    {
        Health = Health.Condemned(reason);
        effects.Others.Enqueue(new ReplicaEffect.Condemned(reason));
    }

    private void Abandon(string reason)
    {
        callers.Writes.Abandon(reason);
        callers.Reads.Abandon(reason);
    }
}
