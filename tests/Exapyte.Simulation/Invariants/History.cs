using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Raft;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Stores;

namespace Exapyte.Simulation.Invariants;

/// <summary>
/// All that has happened to one group, and the properties that may never break (Raft paper, figure 3; thesis, sections 3.8
/// and 6.4). Each check looks at what is new since the last one, so that all of them can run after every step.
/// </summary>
internal sealed class History(Func<MemberId, DurableLog?> durableOf, Action<ulong, Term> onCommit)
{
    private const ulong HashEvery = 16;

    private readonly record struct CommittedEntry(ulong Term, ulong Hash, ulong CommittedIn);

    private readonly Dictionary<ulong, MemberId> leaders = [];
    private readonly Votes votes = new();
    private readonly Dictionary<(ulong Index, ulong Term), (ulong PreviousTerm, ulong Hash)> written = [];
    private readonly List<CommittedEntry> committed = [];
    private readonly List<Expected> expected = [];
    private readonly List<LogEntry> entries = [];
    private Configuration configuration = Configuration.Empty;

    public Oracle Oracle { get; } = new();

    public KeyTimelines Timelines { get; } = new();

    public ExpiringKeys Expiring { get; } = new();

    /// <summary>The newest term that anybody has led.</summary>
    public ulong NewestLedTerm { get; private set; }

    public ulong CommittedThrough => (ulong)committed.Count;

    /// <summary>The last index whose write was acknowledged to a caller: no read may be older from then on.</summary>
    public ulong AcknowledgedThrough { get; private set; }

    public int Elections => leaders.Count;

    public int ConfigurationChanges { get; private set; }

    public int JointConfigurations { get; private set; }

    /// <summary>The configuration of the last committed entry that is one.</summary>
    public Configuration Configuration => configuration;

    public void Begin(Configuration first) => configuration = first;

    public ulong TermOf(ulong index) => committed[(int)index - 1].Term;

    public Expected ExpectedAt(ulong index) => expected[(int)index - 1];

    public static ulong HashOf(in LogEntry entry) => XxHash3.HashToUInt64(entry.Payload.Span, (long)entry.Kind);

    /// <summary>Election safety, by votes that a quorum has given, and leader completeness, at the moment of an election.</summary>
    public void SawLeader(RaftCore core)
    {
        var term = core.Term.Value;
        if (!leaders.TryAdd(term, core.Id))
        {
            Require(leaders[term] == core.Id, "two-leaders", $"{leaders[term]} and {core.Id} both lead term {term}");
            return;
        }
        NewestLedTerm = Math.Max(NewestLedTerm, term);
        votes.RequireFor(core);
        for (var i = committed.Count; i > 0; i--)
        {
            if (committed[i - 1].CommittedIn >= term)
            {
                // A late winner of an old term need not know what newer terms have committed.
                continue;
            }
            var index = new LogIndex((ulong)i);
            var log = CoreDoor.LogOf(core);
            Require(
                index < log.First
                    || log.TermAt(index) == new Term(committed[i - 1].Term)
                    // One that has met a flipped bit knows no terms any more; it hears of that a moment later.
                    || (log.TermAt(index) is null && index <= log.Last),
                "leader-completeness",
                $"{core.Id} leads term {term} without committed entry {i} of term {committed[i - 1].Term}"
            );
            return;
        }
    }

    /// <summary>Log matching, on what reaches a disk: the same index and term mean the same entry behind the same entry.</summary>
    public void SawSynced(DurableLog log, LogEntry[] synced)
    {
        if (synced.Length == 0)
        {
            return;
        }
        var first = synced[0].Index.Value;
        var previous = log.TermAt(first - 1) ?? throw new ViolationException("log-gap", $"{first} behind {log.Last}");
        Require(
            first > CommittedThrough || log.TermAt(first) != TermOf(first) || synced[0].Term.Value == TermOf(first),
            "committed-overwritten",
            $"{synced[0].Term}/{first} is written over the committed entry of term {log.TermAt(first)}"
        );
        foreach (var entry in synced)
        {
            var now = (previous, HashOf(entry));
            var place = (entry.Index.Value, entry.Term.Value);
            ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(written, place, out var isKnown);
            Require(!isKnown || known == now, "log-matching", $"two entries are {place.Item2}/{place.Item1}");
            known = now;
            previous = entry.Term.Value;
        }
    }

    /// <summary>State machine safety: what is committed at an index never changes, and lies on a durable quorum.</summary>
    public void SawCommit(RaftCore core, ulong from)
    {
        var log = CoreDoor.LogOf(core);
        var through = core.CommitIndex.Value;
        for (var index = from + 1; index <= Math.Min(through, CommittedThrough); index++)
        {
            Require(
                log.TermAt(new(index)) is not { } term || term.Value == committed[(int)index - 1].Term,
                "committed-changed",
                $"{core.Id} takes entry {index} of term {log.TermAt(new(index))} for committed, which is {TermOf(index)}"
            );
        }
        if (through <= CommittedThrough)
        {
            return;
        }
        Require(
            core.Role == RaftRole.Leader,
            "committed-by-whom",
            $"{core.Id}, {core.Role}, is the first to take {through} for committed"
        );
        var last = log.TermAt(new(through))!.Value;
        Require(
            last == core.Term,
            "committed-older-term",
            $"{core.Id} of term {core.Term} counted entry {through} of term {last}"
        );
        RequireQuorum(core, through, last.Value);
        foreach (var entry in log.Read(new(CommittedThrough + 1), long.MaxValue)!)
        {
            if (entry.Index.Value > through)
            {
                break;
            }
            Commit(entry, core.Term.Value);
        }
    }

    /// <summary>Equal index means equal state, and each entry is applied once: the oracle's way.</summary>
    public void SawApplied(MemberId member, ModelShard shard, ulong index)
    {
        Require(index <= CommittedThrough, "applied-uncommitted", $"{member} applied {index}, not committed");
        var wanted = ExpectedAt(index);
        var state = StateOf(shard);
        var stampMs = state.StampMs;
        Require(state == wanted.State, "state-differs", $"{member} at {index} is at {state}, not {wanted.State}");
        if (index % HashEvery == 0)
        {
            if (StateHash.Of(shard, stampMs) != wanted.StateHash)
            {
                throw new ViolationException(
                    "state-differs",
                    $"{member} at {index}: {Difference(shard, index, stampMs)}"
                );
            }
        }
    }

    /// <summary>Nothing is promised before it is durable.</summary>
    public void SawMessage(RaftMessage message, RaftCore core, DurableLog sender)
    {
        votes.Saw(message);
        var state = sender.State;
        switch (message.Kind)
        {
            case RaftMessageKind.VoteResponse when !message.Reject:
                Require(
                    state.Term > message.Term || (state.Term == message.Term && state.Vote == message.To),
                    "vote-not-durable",
                    $"{message.From} votes for {message.To} in {message.Term}, on disk is {state}"
                );
                break;
            case RaftMessageKind.VoteRequest:
                // One that was overtaken by the winner of its term has been cut short since, and cannot win any more.
                var stands = core.Role == RaftRole.Candidate && core.Term == message.Term;
                Require(
                    state.Term > message.Term
                        || (
                            state.Term == message.Term
                            && state.Vote == message.From
                            && (!stands || sender.Last >= message.Index.Value)
                        ),
                    "campaign-not-durable",
                    $"{message.From} campaigns in {message.Term} with {message.Index}, on disk is {state} and {sender.Last}"
                );
                break;
            case RaftMessageKind.AppendResponse when !message.Reject && message.Index > LogIndex.Zero:
                Require(
                    state.Term > message.Term || (state.Term == message.Term && sender.Last >= message.Index.Value),
                    "acknowledged-not-durable",
                    $"{message.From} has {message.Index} in {message.Term}, on disk is {state} and {sender.Last}"
                );
                break;
        }
    }

    public void Acknowledged(ulong index) => AcknowledgedThrough = Math.Max(AcknowledgedThrough, index);

    public static void Require(bool holds, string rule, string detail)
    {
        if (!holds)
        {
            throw new ViolationException(rule, detail);
        }
    }

    public static ShardState StateOf(ModelShard shard) =>
        shard.GetMeta("s"u8) is { } row ? ShardState.Decode(row)!.Value : default;

    private static ShardCommand? CommandOf(in LogEntry entry) =>
        entry.Kind == EntryKind.Command ? ShardCommandCodec.Decode(entry.Payload) : null;

    private void Commit(in LogEntry entry, ulong committedIn)
    {
        Require(entry.Index.Value == CommittedThrough + 1, "committed-gap", $"{entry.Index} behind {CommittedThrough}");
        onCommit(entry.Index.Value, entry.Term);
        committed.Add(new(entry.Term.Value, HashOf(entry), committedIn));
        entries.Add(entry);
        var command = CommandOf(entry);
        expected.Add(Oracle.Apply(entry, command, withHash: entry.Index.Value % HashEvery == 0));
        var keys =
            command is WriteCommand writes ? writes.Writes.Select(write => write.Key)
            : command is SweepCommand sweep ? sweep.Keys
            : [];
        foreach (var key in keys.Select(key => Encoding.UTF8.GetString(key.Span)))
        {
            Timelines.Saw(entry.Index.Value, key, Oracle.RevisionOf(key));
            Expiring.Saw(entry.Index.Value, key, Oracle.RevisionOf(key), Oracle.ExpiresMsOf(key));
        }
        if (entry.Kind == EntryKind.Configuration && ConfigurationCodec.TryDecode(entry.Payload.Span, out var next))
        {
            Require(
                Overlap.IsSure(configuration, next),
                "configurations-overlap",
                $"{configuration} is followed by {next} at {entry.Index}"
            );
            configuration = next.At(entry.Index);
            ConfigurationChanges++;
            JointConfigurations += next.IsJoint ? 1 : 0;
        }
    }

    /// <summary>What a replica holds and should not, and the other way round.</summary>
    private string Difference(ModelShard shard, ulong index, long stampMs)
    {
        var again = new Oracle();
        for (var i = 0; i < (int)index; i++)
        {
            again.Apply(entries[i], CommandOf(entries[i]), withHash: false);
        }
        var wanted = again.Rows();
        var held = StateHash.Rows(shard, stampMs);
        return $"it holds {string.Join(", ", held.Except(wanted))}; it should hold {string.Join(", ", wanted.Except(held))}";
    }

    private void RequireQuorum(RaftCore core, ulong index, ulong term)
    {
        Require(
            HasMajority(core.Configuration.Voters, index, term)
                && (!core.Configuration.IsJoint || HasMajority(core.Configuration.OutgoingVoters, index, term)),
            "committed-without-quorum",
            $"{core.Id} committed {index} of {term}, which no quorum of {core.Configuration} holds durably"
        );
    }

    private bool HasMajority(System.Collections.Immutable.ImmutableArray<MemberId> voters, ulong index, ulong term)
    {
        var holding = 0;
        foreach (var voter in voters)
        {
            holding += durableOf(voter) is { } log && log.Holds(index, term) ? 1 : 0;
        }
        return holding > voters.Length / 2;
    }
}
