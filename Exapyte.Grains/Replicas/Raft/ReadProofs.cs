using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>What reads need of the state of a raft replica that they are answered from. Immutable.</summary>
/// <param name="IsFresh">A proof of their own, begun after they came.</param>
/// <param name="Revision">A revision of the shard that the state must have reached.</param>
/// <param name="AgeMsMax">The greatest acceptable age, in milliseconds.</param>
internal readonly record struct ReadNeed(bool IsFresh, ulong Revision, long AgeMsMax)
{
    /// <summary>Whether only a leader may give that proof.</summary>
    public bool NeedsLeader { get; init; }

    /// <summary>Any state will do.</summary>
    public static readonly ReadNeed Nothing = new(false, 0, long.MaxValue);

    /// <summary>Whether what they show must be as of now, or nearly: not what has ended by the clock and not by the log.</summary>
    public bool IsTimely => IsFresh || AgeMsMax != long.MaxValue;

    /// <summary>What an operation needs; nothing for a write.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="life">The origin of the keyspace's versions.</param>
    public static ReadNeed Of(Operation operation, ulong life)
    {
        if (operation.IsWrite)
        {
            return Nothing;
        }
        var seen = operation.SessionVersion;
        // A version of an earlier life of the name says nothing of this one.
        var version = seen.Origin == life || seen.Origin == 0 ? seen.Revision : 0;
        var need = Of(operation.Level, operation.MaxStalenessMs, operation.Session, version);
        return need with { NeedsLeader = need.IsFresh && !operation.AtAnyMember };
    }

    /// <summary>What a page needs.</summary>
    public static ReadNeed Of(ScanRequest request)
    {
        var need = Of(request.Level, request.MaxStalenessMs, request.Session, version: 0);
        return need with { NeedsLeader = need.IsFresh && !request.AtAnyMember };
    }

    /// <summary>What both need.</summary>
    public ReadNeed And(in ReadNeed other) =>
        new(IsFresh || other.IsFresh, Math.Max(Revision, other.Revision), Math.Min(AgeMsMax, other.AgeMsMax))
        {
            NeedsLeader = NeedsLeader || other.NeedsLeader,
        };

    private static ReadNeed Of(ConsistencyLevel level, long ageMsMax, SessionMark[]? session, ulong version) =>
        ConsistencyPolicy.OfRead(ReplicationKind.Raft, level)?.Proof switch
        {
            ReadProof.None => Nothing,
            ReadProof.Session => Nothing with
            {
                Revision = Math.Max(version, session is { Length: > 0 } ? session.Max(mark => mark.Revision) : 0),
            },
            ReadProof.Bounded => Nothing with { AgeMsMax = ageMsMax },
            _ => Nothing with { IsFresh = true },
        };
}

/// <summary>
/// What is known of how recent a raft replica's state is. A proof (thesis, section 6.4) shows that the state holds all that was
/// committed when the question for it was asked: from that moment its age is counted, by the machine's monotonic clock and by the
/// node's time, whichever says more. Thread-safe.
/// </summary>
internal sealed class ReadProofs(IReplicaInbox inbox)
{
    private sealed record Moment(long SteadyUs, long ClockMs);

    private Moment? proven;

    /// <summary>Whether the state as it is now is what such reads need. To be asked before the view is looked at that they read.</summary>
    public bool Meets(in ReadNeed need) =>
        !need.IsFresh
        && need.Revision <= inbox.View.Revision
        && (need.AgeMsMax == long.MaxValue || AgeMs is >= 0 and var age && age <= need.AgeMsMax);

    /// <summary>
    /// Greatest possible age of the state, in milliseconds, rounded up; -1 where it is not known. A view that was looked at
    /// before this is asked, and after <see cref="Meets"/> was, is not older.
    /// </summary>
    public long AgeMs
    {
        get
        {
            if (Volatile.Read(ref proven) is not { } since)
            {
                return -1;
            }
            var now = Now;
            // A machine that was suspended may not have counted that; a clock that was set says nothing of an age.
            var steadyMs = (now.SteadyUs - since.SteadyUs) / 1_000;
            return 1 + Math.Max(0, Math.Max(steadyMs, now.ClockMs - since.ClockMs));
        }
    }

    /// <summary>Has a read let through, by a proof where it needs one; the state's age then counts from here.</summary>
    public async ValueTask<ReadVerdict> Ask(PendingRead read)
    {
        if (inbox.View.Health is { Problem.Length: > 0 } ended)
        {
            // Its state does not change any more.
            return ended.ServesProvenReads || !read.NeedsProof
                ? ReadVerdict.Ready
                : new(OutcomeKind.Unavailable, ended.Problem, default);
        }
        var asked = Now;
        if (!inbox.TryPost(new ReplicaInput.Read(read)))
        {
            return new(OutcomeKind.Overloaded, ReplicaCalls.QueueFull, default);
        }
        var verdict = await read.Completion;
        if (verdict.Kind == OutcomeKind.Ok && read.NeedsProof)
        {
            Note(asked);
        }
        return verdict;
    }

    private Moment Now => new(inbox.SteadyUs, inbox.NowMs);

    private void Note(Moment asked)
    {
        while (true)
        {
            var known = Volatile.Read(ref proven);
            if (
                known?.SteadyUs >= asked.SteadyUs
                || ReferenceEquals(Interlocked.CompareExchange(ref proven, asked, known), known)
            )
            {
                return;
            }
        }
    }
}
