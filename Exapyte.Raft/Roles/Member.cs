namespace Exapyte.Raft;

/// <summary>
/// The state that all roles share, and the ways from role to role (Raft paper, figure 4).
/// <list type="bullet">
/// <item>The term only rises. At most one vote is cast in a term.</item>
/// <item>A leader is known in a term only after a message of it: terms have one leader at most.</item>
/// <item>A configuration holds from the moment its entry is applied (see <see cref="RaftCore"/>).</item>
/// </list>
/// </summary>
sealed class Member
{
    readonly ElectionTimer timer;
    int leasedTicks;

    public Member(RaftOptions options, RaftRecovered recovered, RaftLog log)
    {
        Options = options;
        Log = log;
        Term = recovered.HardState.Term;
        Vote = recovered.HardState.Vote;
        Durable = recovered.HardState;
        Configuration = recovered.Configuration;
        AppliedIndex = recovered.Applied;
        Outbox = new Outbox(options.Id);
        Dice = new Dice(options.Seed, options.Id);
        timer = new ElectionTimer(options.ElectionTicks, Dice);
        Reads = new ReadDesk(this);
        Role = new FollowerRole(this);
        // What it leased is forgotten in a crash: it keeps the longest lease that it may have given.
        leasedTicks = options.LeaseDuration > 0 && Term > default(Term) ? options.ElectionTicks : 0;
    }

    public RaftOptions Options { get; }

    public MemberId Id => Options.Id;

    public RaftLog Log { get; }

    public Outbox Outbox { get; }

    public Dice Dice { get; }

    public ReadDesk Reads { get; }

    public List<SnapshotRequest> Snapshots { get; } = [];

    public Term Term { get; private set; }

    public MemberId Vote { get; private set; }

    public MemberId Leader { get; private set; }

    public Configuration Configuration { get; private set; }

    public LogIndex AppliedIndex { get; private set; }

    public Role Role { get; private set; }

    public bool MayCampaign { get; set; } = true;

    /// <summary>The last hard state known to be durable.</summary>
    public HardState Durable { get; private set; }

    /// <summary>The latest time the caller told; 0 if never.</summary>
    public long Now { get; private set; }

    public HardState HardState => new(Term, Vote, Log.Committed);

    /// <summary>
    /// Whether a leader may be reading alone because this member answered its heartbeat, whatever it has heard since: then it
    /// votes for nobody that the leader did not choose, not even for itself (thesis, section 6.4.1).
    /// </summary>
    public bool IsLeased => leasedTicks > 0;

    /// <summary>Whether a campaign is not even listened to, because a leader seems to be alive (thesis, section 4.2.3).</summary>
    public bool IsShielded =>
        IsLeased || (Options.CheckQuorum && !Leader.IsNone && (Role.Kind == RaftRole.Leader || timer.IsWithinMinimum));

    /// <summary>
    /// Whether it may stand for election. Not while a committed configuration waits to be applied: it would count votes by a
    /// configuration that the group has left.
    /// </summary>
    public bool MayStand =>
        MayCampaign
        && Role.Kind != RaftRole.Leader
        && Configuration.IsVoter(Id)
        && !Log.Configurations.HasCommitted(Log.Committed);

    public void Tick(long now)
    {
        Now = Math.Max(Now, now);
        leasedTicks = Math.Max(0, leasedTicks - 1);
        Reads.Tick();
        Role.Tick();
    }

    public void Observe(long now) => Now = Math.Max(Now, now);

    /// <summary>
    /// Waits for a leader; campaigns when it has waited long enough. Who may not campaign waits on: to begin anew would shield
    /// a leader that is long silent.
    /// </summary>
    public void TickElection()
    {
        if (timer.Tick() && MayStand)
        {
            Campaign();
        }
    }

    public void HeardFromLeader(MemberId leader)
    {
        timer.Restart();
        Leader = leader;
        leasedTicks = Options.LeaseDuration > 0 ? Options.ElectionTicks : 0;
    }

    public void CastVote(MemberId candidate)
    {
        Vote = candidate;
        timer.Restart();
    }

    public void Campaign()
    {
        if (!MayStand)
        {
            return;
        }

        if (Options.PreVote)
        {
            BecomePreCandidate();
        }
        else
        {
            BecomeCandidate(force: false);
        }
    }

    public void BecomeFollower(Term term, MemberId leader)
    {
        if (term < Term)
        {
            throw new RaftInvariantException($"The term would fall from {Term} to {term}.");
        }

        Enter(term, leader);
        Role = new FollowerRole(this);
    }

    public void BecomePreCandidate()
    {
        Enter(Term, MemberId.None);
        var role = new PreCandidateRole(this);
        Role = role;
        role.Begin();
    }

    public void BecomeCandidate(bool force)
    {
        Enter(Term.Next, MemberId.None);
        Vote = Id;
        var role = new CandidateRole(this);
        Role = role;
        role.Begin(force);
    }

    public void BecomeLeader()
    {
        Enter(Term, Id);
        var role = new LeaderRole(this);
        Role = role;
        role.Begin();
    }

    public void ForgetLeader() => Leader = MemberId.None;

    public void Persisted(ulong writeId)
    {
        if (!Log.Persisted(writeId, out var hardState))
        {
            return;
        }

        Durable = hardState;
        Outbox.Release(writeId);
        Role.Persisted();
    }

    public void Applied(LogIndex index)
    {
        if (index <= AppliedIndex)
        {
            return;
        }

        if (index > Log.Handed)
        {
            throw new RaftInvariantException($"Entry {index} was applied but only {Log.Handed} was handed out.");
        }

        AppliedIndex = index;
        if (Log.Configurations.TakeThrough(index, out var newest))
        {
            Configuration = ConfigurationOf(newest);
            Role.ConfigurationChanged();
        }

        Reads.Applied();
        Role.Applied();
    }

    public void Restart(LogIndex index, Term term, Configuration configuration)
    {
        Log.Restart(index, term);
        AppliedIndex = index;
        Configuration = configuration;
        Role.ConfigurationChanged();
        Reads.Applied();
    }

    public static Configuration ConfigurationOf(in LogEntry entry) =>
        ConfigurationCodec.TryDecode(entry.Payload.Span, out var configuration)
            ? configuration.At(entry.Index)
            : throw new RaftInvariantException($"Entry {entry.Index} holds no configuration that can be read.");

    void Enter(Term term, MemberId leader)
    {
        if (term != Term)
        {
            Vote = MemberId.None;
        }

        // Whoever was asked about a read may not answer any more, or not be believed.
        if (term != Term || leader != Leader || Role.Kind == RaftRole.Leader)
        {
            Reads.RefuseAsked(leader);
        }

        Term = term;
        Leader = leader;
        timer.Redraw();
    }
}
