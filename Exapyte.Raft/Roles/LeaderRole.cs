namespace Exapyte.Raft;

/// <summary>
/// Leads its term (Raft paper, sections 5.3, 5.4 and 8).
/// <list type="bullet">
/// <item>It never overwrites or deletes entries of its log, it only appends.</item>
/// <item>It opens its term with an empty entry, and commits by counting only entries of its term (section 5.4.2).</item>
/// <item>Its own log counts for what is durable in it, not for what it holds.</item>
/// </list>
/// </summary>
sealed class LeaderRole : Role
{
    readonly Replicator replicator;
    readonly AppendAnswers answers;
    int ticksSinceQuorum;
    int ticksSinceBeat;

    public LeaderRole(Member member)
        : base(member)
    {
        Progress = new ProgressTable(member.Options);
        replicator = new Replicator(member, Progress);
        answers = new AppendAnswers(member, this);
        Reads = new LeaderReads(member, this);
        Proposals = new Proposals(member, this);
    }

    public override RaftRole Kind => RaftRole.Leader;

    public ProgressTable Progress { get; }

    public LeaderReads Reads { get; }

    public Beats Beats { get; } = new();

    public Transfer Transfer { get; } = new();

    public Proposals Proposals { get; }

    public bool HasCommittedInTerm { get; private set; }

    public override bool HasToFlush => replicator.IsDue || Reads.HasToFlush;

    public void Begin()
    {
        Progress.Follow(Member.Configuration, Member.Log.Last.Next);
        CountOwn();
        Proposals.AppendEmpty();
        Changed();
    }

    /// <summary>Something changed that followers should hear of at the end of the turn.</summary>
    public void Changed() => replicator.IsDue = true;

    public override void Tick()
    {
        Transfer.Tick(Member.Options.ElectionTicks);
        ticksSinceQuorum++;
        if (ticksSinceQuorum >= Member.Options.ElectionTicks)
        {
            ticksSinceQuorum = 0;
            if (Member.Options.CheckQuorum && !Progress.HasActiveQuorum(Member.Configuration))
            {
                Member.BecomeFollower(Member.Term, MemberId.None);
                return;
            }

            foreach (var progress in Progress.All)
            {
                progress.IsActive = progress.Member == Member.Id;
            }
        }

        ticksSinceBeat++;
        if (ticksSinceBeat >= Member.Options.HeartbeatTicks)
        {
            ticksSinceBeat = 0;
            Reads.Beat();
        }

        Proposals.LeaveJointIfDue();
    }

    public override void Handle(RaftMessage message)
    {
        switch (message.Kind)
        {
            case RaftMessageKind.AppendResponse when Progress.Find(message.From) is { } progress:
                answers.Handle(message, progress);
                break;
            case RaftMessageKind.HeartbeatResponse when Progress.Find(message.From) is { } progress:
                HandleBeat(message, progress);
                break;
            case RaftMessageKind.ReadIndexRequest when Progress.Find(message.From) is not null:
                Reads.Ask(new ReadRequest(message.From, message.Context));
                break;
            case RaftMessageKind.TransferRequest when Progress.Find(message.From) is not null:
                TransferTo(new MemberId(message.Context));
                break;
            case RaftMessageKind.Append:
            case RaftMessageKind.Heartbeat:
                throw new RaftInvariantException($"{message.From} and {Member.Id} both lead term {Member.Term}.");
        }
    }

    public override void Persisted()
    {
        CountOwn();
        AdvanceCommit();
    }

    public override void Applied() => Proposals.LeaveJointIfDue();

    public override void ConfigurationChanged()
    {
        Progress.Follow(Member.Configuration, Member.Log.Last.Next);
        if (!Member.Configuration.IsVoter(Member.Id) && Member.Options.StepDownOnRemoval)
        {
            // Last words: those who stay should know that the change is committed.
            Changed();
            replicator.Flush();
            Member.BecomeFollower(Member.Term, MemberId.None);
            return;
        }

        if (Transfer.IsUnderWay && !Member.Configuration.IsVoter(Transfer.Target))
        {
            Transfer.Abort();
        }

        CountOwn();
        AdvanceCommit();
        Changed();
    }

    public override void Flush()
    {
        Reads.Flush();
        replicator.Flush();
    }

    /// <summary>Commits what a quorum holds, if it is of this term.</summary>
    public void AdvanceCommit()
    {
        var reached = Progress.Committed(Member.Configuration);
        if (reached > Member.Log.Committed && Member.Log.Matches(reached, Member.Term))
        {
            Member.Log.CommitTo(reached);
            HasCommittedInTerm = true;
            Changed();
            Reads.Advance();
        }
    }

    public void SendHeartbeats()
    {
        Beats.Send(Member.Now);
        for (var i = 0; i < Progress.Count; i++)
        {
            var progress = Progress[i];
            if (progress.Member == Member.Id)
            {
                progress.AnsweredBeat = Beats.Last;
                continue;
            }

            // Not the commit index itself: what is behind Match there may be another leader's.
            var commit = LogIndex.Min(progress.Match, Member.Log.Committed);
            progress.SentHeartbeat(commit);
            Member.Outbox.Send(
                new RaftMessage
                {
                    Kind = RaftMessageKind.Heartbeat,
                    From = Member.Id,
                    To = progress.Member,
                    Term = Member.Term,
                    Commit = commit,
                    Context = Beats.Last,
                }
            );
        }
    }

    public bool HoldsLease(long now)
    {
        if (Member.Options.LeaseDuration == 0 || !HasCommittedInTerm || Transfer.HasVoidedLeases)
        {
            return false;
        }

        var from = Progress.LeaseFrom(Member.Configuration);
        return from > 0 && (from == ulong.MaxValue || now - (long)(from - 1) < Member.Options.LeaseDuration);
    }

    public void TransferTo(MemberId target)
    {
        if (target == Transfer.Target || Progress.Find(target) is not { } progress)
        {
            return;
        }

        Transfer.Abort();
        if (target == Member.Id || !Member.Configuration.IsVoter(target))
        {
            return;
        }

        Transfer.Begin(target);
        FinishTransfer(progress);
        progress.IsNudged |= progress.Match < Member.Log.Last;
        Changed();
    }

    /// <summary>Tells the target to campaign once it holds all that this leader has.</summary>
    public void FinishTransfer(Progress progress)
    {
        if (progress.Member != Transfer.Target || progress.Match != Member.Log.Last)
        {
            return;
        }

        Transfer.Sent();
        Member.Outbox.Send(
            new RaftMessage
            {
                Kind = RaftMessageKind.TimeoutNow,
                From = Member.Id,
                To = progress.Member,
                Term = Member.Term,
            }
        );
    }

    void HandleBeat(RaftMessage message, Progress progress)
    {
        var isBehind = progress.Match < Member.Log.Last || progress.State == ReplicationState.Probe;
        progress.Resume(nudge: isBehind);
        if (isBehind)
        {
            Changed();
        }

        if (message.Context > progress.AnsweredBeat && message.Context <= Beats.Last)
        {
            progress.AnsweredBeat = message.Context;
            var sentAt = Beats.SentAt(message.Context);
            progress.LeaseFrom = sentAt > 0 ? Math.Max(progress.LeaseFrom, sentAt + 1) : progress.LeaseFrom;
            Reads.Advance();
        }
    }

    void CountOwn()
    {
        if (Progress.Find(Member.Id) is { } own)
        {
            own.SetOwn(Member.Log.Stable);
            own.LeaseFrom = ulong.MaxValue;
        }
    }
}
