using Exapyte.Raft.Tests.Harness;

namespace Exapyte.Raft.Tests.Storytelling;

/// <summary>Members of a group on which a story plays, and all that happens there in words.</summary>
sealed class Stage
{
    readonly SortedDictionary<MemberId, TestMember> members = [];
    readonly List<RaftMessage> wire = [];
    readonly List<(MemberId From, MemberId To)> snapshots = [];
    readonly List<string> told = [];
    bool isAsync;

    public IReadOnlyList<string> Play(Line line)
    {
        told.Clear();
        if (!Happen(line) && !Look(line) && !Move(line) && !Store(line))
        {
            throw new InvalidOperationException($"No story knows how to {line.Verb}.");
        }

        return [.. told];
    }

    TestMember Actor(Line line) => members[line.Member()];

    /// <summary>What people and clocks do.</summary>
    bool Happen(Line line)
    {
        switch (line.Verb)
        {
            case "group":
                Group(line);
                return true;
            case "member":
                AddMember(line);
                return true;
            case "campaign":
                Actor(line).Core.Campaign();
                return true;
            case "tick":
                for (var i = 0; i < line.Number(1, 1); i++)
                {
                    Actor(line).Core.Tick(line.Setting("now", 0));
                }

                return true;
            case "propose":
                told.Add(StoryText.Of(Actor(line).Propose([.. line.Words.Skip(1)])));
                return true;
            case "change":
                told.Add(
                    StoryText.Of(
                        Actor(line).Core.ProposeConfiguration(Change(line), Make.Index(line.Setting("expect", 0)))
                    )
                );
                return true;
            case "read":
                Actor(line).Core.ReadIndex((ulong)line.Number(1));
                return true;
            case "lease-read":
                Actor(line).Core.ReadLease((ulong)line.Number(1), line.Setting("now", 0));
                return true;
            case "transfer":
                Actor(line).Core.TransferLeadership(line.Member(1));
                return true;
            case "unreachable":
                Actor(line).Core.Unreachable(line.Member(1));
                return true;
            case "forget-leader":
                Actor(line).Core.ForgetLeader();
                return true;
            default:
                return false;
        }
    }

    /// <summary>What only looks.</summary>
    bool Look(Line line)
    {
        switch (line.Verb)
        {
            case "state":
                foreach (var member in members.Values.Where(member => line.Words.Count == 0 || member == Actor(line)))
                {
                    told.Add(Describe(member.Core));
                }

                return true;
            case "progress":
                var progress = new List<FollowerProgress>();
                Actor(line).Core.ReadProgress(progress);
                told.AddRange(progress.Select(StoryText.Of));
                return true;
            case "log":
                var log = Actor(line).Log;
                told.Add($"behind {log.FirstIndex.Value - 1}: {StoryText.Of(log.Entries)}");
                return true;
            case "wire":
                told.AddRange(wire.Select(StoryText.Of));
                return true;
            default:
                return false;
        }
    }

    /// <summary>What lets time pass: turns and deliveries.</summary>
    bool Move(Line line)
    {
        switch (line.Verb)
        {
            case "turn":
                Turn(Actor(line));
                return true;
            case "inject":
                Actor(line).Core.Step(Append(line));
                return true;
            case "deliver":
                Deliver(line);
                return true;
            case "drop":
                told.AddRange(Take(line).Select(message => $"lost {StoryText.Of(message)}"));
                return true;
            case "settle":
                Settle([.. line.Words.Where(word => char.IsDigit(word[0])).Select(word => Make.Id(int.Parse(word)))]);
                if (line.Has("quietly"))
                {
                    told.Clear();
                }

                return true;
            default:
                return false;
        }
    }

    /// <summary>What disks do.</summary>
    bool Store(Line line)
    {
        switch (line.Verb)
        {
            case "persist":
                for (var i = 0; i < line.Number(1, 1); i++)
                {
                    Actor(line).PersistOne();
                }

                return true;
            case "apply":
                for (var i = 0; i < line.Number(1, 1); i++)
                {
                    Actor(line).ApplyOne();
                }

                return true;
            case "compact":
                Actor(line).Compact(Make.Index(line.Number(1)));
                return true;
            case "crash":
                Actor(line).Flush();
                Actor(line).Crash(seed: 1);
                wire.RemoveAll(message => message.From == line.Member());
                return true;
            case "send-snapshot":
                SendSnapshot(line, isReported: !line.Has("unreported"));
                return true;
            case "fail-snapshot":
                snapshots.Remove((line.Member(), line.Member(1)));
                Actor(line).Core.SnapshotFailed(line.Member(1));
                return true;
            default:
                return false;
        }
    }

    void Group(Line line)
    {
        isAsync = line.Has("async");
        var size = line.Number(0);
        int[] learners = line.Numbers("learners");
        var voters = Enumerable.Range(1, size).Except(learners).Select(Make.Id);
        var configuration = Configuration.Of(voters, learners.Select(Make.Id));
        for (var id = 1; id <= size; id++)
        {
            Join(new TestMember(Settings(line, id), configuration));
        }
    }

    void AddMember(Line line)
    {
        int[] terms = line.Numbers("log");
        isAsync |= line.Has("async");
        Join(
            new TestMember(
                Settings(line, line.Number(0)),
                Make.Voters(line.Numbers("voters")),
                Make.Log(terms),
                new HardState(Make.Term(line.Setting("term", 0)), MemberId.None, Make.Index(line.Setting("commit", 0)))
            )
        );
    }

    void Join(TestMember member)
    {
        member.PersistsAtOnce = !isAsync;
        member.AppliesAtOnce = !isAsync;
        members.Add(member.Id, member);
    }

    static RaftOptions Settings(Line line, int id) =>
        new()
        {
            Id = Make.Id(id),
            Seed = 1,
            PreVote = line.Has("prevote"),
            CheckQuorum = line.Has("checkquorum"),
            ElectionTicks = 3,
            HeartbeatTicks = 1,
            InflightMessagesMax = line.Setting("inflight", 64),
            LeaseDuration = line.Setting("lease", 0),
            StepDownOnRemoval = line.Has("stepdown"),
        };

    /// <summary>An append from somewhere off the stage.</summary>
    static RaftMessage Append(Line line)
    {
        var behind = line.Setting("behind", 0);
        var entries = line.Numbers("terms").Select((term, place) => Make.Entry(term, behind + place + 1));
        return Make.Message(
            RaftMessageKind.Append,
            line.Setting("from", 0),
            line.Number(0),
            line.Setting("term", 0),
            behind,
            line.Setting("behind-term", 0),
            line.Setting("commit", 0),
            [.. entries]
        );
    }

    static ConfigurationChange Change(Line line)
    {
        var changes = new List<MemberChange>();
        var transition = ConfigurationTransition.Auto;
        foreach (var word in line.Words.Skip(1))
        {
            switch (word)
            {
                case "joint-auto":
                    transition = ConfigurationTransition.JointAutoLeave;
                    break;
                case "joint-explicit":
                    transition = ConfigurationTransition.JointExplicitLeave;
                    break;
                case "leave":
                    break;
                default:
                    changes.Add(new MemberChange(KindOf(word[0]), Make.Id(int.Parse(word[1..]))));
                    break;
            }
        }

        return new ConfigurationChange([.. changes], transition);
    }

    internal static MemberChangeKind KindOf(char sign) =>
        sign switch
        {
            '+' => MemberChangeKind.AddVoter,
            '~' => MemberChangeKind.AddLearner,
            _ => MemberChangeKind.Remove,
        };

    void Turn(TestMember member)
    {
        if (!member.Core.HasEffects)
        {
            return;
        }

        member.Turn();
        var effects = member.Effects;
        if (effects.LeadershipChanged)
        {
            told.Add($"{member.Id} is {member.Core.Role} term={member.Core.Term} leader={member.Core.Leader}");
        }

        Tell(member, effects.Write is { } write ? [StoryText.Of(write)] : []);
        told.AddRange(effects.Messages.Select(message => $"  {StoryText.Of(message)}"));
        Tell(member, effects.Committed.Count > 0 ? [$"apply {StoryText.Of(effects.Committed)}"] : []);
        Tell(member, effects.Reads.Select(StoryText.Of));
        Tell(member, effects.Snapshots.Select(request => $"snapshot wanted for {request.To}"));
        wire.AddRange(effects.Messages);
        snapshots.AddRange(effects.Snapshots.Select(request => (member.Id, request.To)));
        member.Sent.Clear();
        member.Reads.Clear();
        member.SnapshotsWanted.Clear();
    }

    void Tell(TestMember member, IEnumerable<string> what) =>
        told.AddRange(what.Select(words => $"{member.Id} {words}"));

    void Deliver(Line line)
    {
        foreach (var message in Take(line))
        {
            told.Add($"got {StoryText.Of(message)}");
            members[message.To].Core.Step(message);
        }
    }

    /// <summary>Takes messages for a member off the wire: all, or those of one sender, or the first few.</summary>
    List<RaftMessage> Take(Line line)
    {
        var taken = wire.FindAll(message =>
            message.To == line.Member()
            && (line.Setting("from") is null || message.From == Make.Id(line.Setting("from", 0)))
        );
        taken = taken[..Math.Min(taken.Count, line.Setting("first", int.MaxValue))];
        wire.RemoveAll(taken.Contains);
        return taken;
    }

    void Settle(HashSet<MemberId> among)
    {
        bool Plays(MemberId id) => among.Count == 0 || among.Contains(id);
        for (var round = 0; round < 100; round++)
        {
            foreach (var member in members.Values.Where(member => Plays(member.Id)))
            {
                for (; member.Core.HasEffects || member.WritesWaiting + member.AppliesWaiting > 0; )
                {
                    Turn(member);
                    member.PersistAll();
                    member.ApplyAll();
                }
            }

            var due = wire.FindAll(message => members.ContainsKey(message.To) && Plays(message.To));
            if (due.Count == 0)
            {
                return;
            }

            wire.RemoveAll(due.Contains);
            due.ForEach(message => members[message.To].Core.Step(message));
        }

        throw new InvalidOperationException("The story does not come to rest.");
    }

    void SendSnapshot(Line line, bool isReported)
    {
        snapshots.Remove((line.Member(), line.Member(1)));
        var snapshot = Actor(line).State.Copy();
        var isInstalled = members[line.Member(1)].Install(snapshot);
        told.Add(
            $"{line.Words[1]} {(isInstalled ? "installed" : "did not want")} a snapshot at {snapshot.Applied}/{snapshot.AppliedTerm}"
        );
        if (isReported)
        {
            Actor(line).Core.SnapshotSent(line.Member(1), snapshot.Applied);
        }
    }

    static string Describe(RaftCore core) =>
        $"{core.Id} {core.Role} term={core.Term} leader={core.Leader} last={core.LastIndex} commit={core.CommitIndex} applied={core.AppliedIndex} {core.Configuration}";
}
