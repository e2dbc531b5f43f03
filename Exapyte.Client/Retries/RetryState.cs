using Exapyte.Client.Lanes;
using Exapyte.Client.Routing;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>Where one operation (or one group) goes next, and how long it pauses before.</summary>
internal struct RetryState(ExapyteClientOptions options, Preference preference)
{
    /// <summary>Redirections in a row, beyond which replicas are taken to contradict each other.</summary>
    private const int RedirectsMax = 4;

    private ReplicaSelector walk = new(preference);
    private Backoff backoff = new(options);
    private int redirects;
    private bool isHopeless;
    private bool isHope;

    /// <summary>The position of the lane to try now; -1 where the shard has no replica.</summary>
    public int Next(ShardRoute route, long nowMs) => walk.Next(route, nowMs);

    /// <summary>The replica answered, as a leader does where no other member may.</summary>
    public readonly void Arrived(ShardRoute route, int at, AttemptKind attempt, bool atAnyMember)
    {
        if (preference != Preference.Nearest && !atAnyMember && attempt == AttemptKind.Answered)
        {
            route.LeaderIs(at);
        }
    }

    /// <summary>The map changed: nothing was visited yet.</summary>
    public void StartOver()
    {
        walk.Restart();
        isHopeless = isHope = false;
    }

    /// <summary>
    /// Turns to the next replica after a try at <paramref name="at"/>; returns the milliseconds to pause before. The step
    /// may become another one where a redirection cannot be followed, and <see cref="NextStep.GiveUp"/> where all replicas
    /// that can be asked refuse for a reason that lasts.
    /// </summary>
    public int Turn(ref NextStep step, ShardRoute route, int at, OperationOutcome? outcome, long nowMs)
    {
        Hear(outcome, route);
        switch (step)
        {
            case NextStep.Redirect when redirects < RedirectsMax:
                var leader = route.IndexOf(outcome!.LeaderReplicaId);
                // A leader that just failed may still be named by those who have not noticed.
                if (leader >= 0 && leader != at && !route.Lanes[leader].CircuitBreaker.FailedJustNow(nowMs))
                {
                    redirects++;
                    route.LeaderIs(leader);
                    walk.Direct(leader);
                    return 0;
                }
                // A leader that our map does not know was added since.
                step = leader < 0 ? NextStep.Reload : NextStep.NextReplica;
                route.LeaderIsNot(at);
                break;
            case NextStep.SameReplica:
                walk.Direct(at);
                break;
            case NextStep.Reload:
                break;
            default:
                route.LeaderIsNot(at);
                break;
        }
        if (step == NextStep.NextReplica && walk.HasVisitedAll(route))
        {
            step = isHopeless && !isHope ? NextStep.GiveUp : NextStep.RestartRound;
            isHopeless = isHope = false;
        }
        return Pause();
    }

    /// <summary>One that only does not know who leads may be about to; one that does not answer says nothing.</summary>
    private void Hear(OperationOutcome? outcome, ShardRoute route)
    {
        isHope |= outcome is { Kind: OutcomeKind.NotLeader or OutcomeKind.Overloaded };
        if (RetryRules.Lasts(outcome))
        {
            isHopeless = true;
            walk.PassOverLost(route);
        }
    }

    /// <summary>The milliseconds to pause before anything is tried again.</summary>
    public int Pause()
    {
        redirects = 0;
        return backoff.NextMs();
    }
}
