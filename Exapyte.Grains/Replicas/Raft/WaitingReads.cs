using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// The reads that wait at a member: those that arrived, and those for which the core looks for a proof that the applied
/// state is recent enough. Used by one thread at a time.
/// </summary>
internal sealed class WaitingReads(RaftCore core, ReplicaEffects effects)
{
    private readonly Dictionary<ulong, List<PendingRead>> asked = [];
    private readonly List<PendingRead> asIs = [];
    private List<PendingRead> gathered = [];
    private ulong lastReadId;

    /// <summary>Reads, or groups of them, that wait for a proof.</summary>
    public int Count => gathered.Count + asked.Count;

    /// <summary>Whether some need a proof that was not asked for yet.</summary>
    public bool HasGathered => gathered.Count > 0;

    /// <summary>A read arrived.</summary>
    public void Add(PendingRead read) => (read.NeedsProof ? gathered : asIs).Add(read);

    /// <summary>Answers those that need no proof.</summary>
    public void AnswerAsIs(ShardStateMachine machine, long nowMs)
    {
        Answer(asIs, machine, nowMs);
        asIs.Clear();
    }

    /// <summary>Asks the core for one proof for all that were gathered.</summary>
    public void Ask()
    {
        asked.Add(++lastReadId, gathered);
        core.ReadIndex(lastReadId);
        gathered = [];
    }

    /// <summary>Answers what was gathered: what is applied is known to be all that anybody was told of.</summary>
    public void AnswerGathered(ShardStateMachine machine, long nowMs)
    {
        Answer(gathered, machine, nowMs);
        gathered.Clear();
    }

    /// <summary>Refuses those of the gathered that it is said of.</summary>
    public void RefuseGathered(OutcomeKind kind, string detail, Predicate<PendingRead> which)
    {
        foreach (var read in gathered.FindAll(which))
        {
            effects.Refuse(read, kind, detail, core.Leader);
        }
        gathered.RemoveAll(which);
    }

    /// <summary>The core has proofs, or none to give.</summary>
    public void Answer(List<ReadResult> results, ShardStateMachine machine, long nowMs)
    {
        foreach (var result in results)
        {
            if (!asked.Remove(result.ReadId, out var group))
            {
                continue;
            }
            if (result.IsReady)
            {
                Answer(group, machine, nowMs);
                continue;
            }
            foreach (var read in group)
            {
                effects.Refuse(
                    read,
                    OutcomeKind.NotLeader,
                    "No leader of the shard has confirmed what is committed.",
                    core.Leader
                );
            }
        }
    }

    /// <summary>Who has waited beyond its deadline is answered.</summary>
    public void Expire(long nowMs)
    {
        foreach (var (id, group) in asked)
        {
            foreach (var read in group)
            {
                if (read.DeadlineMs <= nowMs)
                {
                    effects.Refuse(
                        read,
                        OutcomeKind.Unavailable,
                        "No majority of the shard's replicas answered in time."
                    );
                }
            }
            group.RemoveAll(read => read.DeadlineMs <= nowMs);
            if (group.Count == 0)
            {
                asked.Remove(id);
            }
        }
    }

    /// <summary>The replica stops: everybody who waits is told.</summary>
    public void Abandon(string reason)
    {
        foreach (var read in gathered.Concat(asIs).Concat(asked.Values.SelectMany(group => group)))
        {
            effects.Refuse(read, OutcomeKind.Unavailable, reason);
        }
        gathered.Clear();
        asIs.Clear();
        asked.Clear();
    }

    private void Answer(List<PendingRead> ready, ShardStateMachine machine, long nowMs)
    {
        foreach (var read in ready)
        {
            effects.ReadAnswers.Add((read, read.ReadFrom(machine, nowMs)));
        }
    }
}
