using System.Buffers;
using Exapyte.Raft.Tests.Harness;

namespace Exapyte.Raft.Tests.Safety;

/// <summary>
/// One run of a small group in which everything that can happen does, in an order that follows from a seed: messages are
/// lost, doubled and reordered; disks lag; members crash and lose what was not durable; logs are compacted; configurations
/// change; leadership moves.
/// </summary>
sealed class RandomRun
{
    const int MembersMax = 6;
    const int MessagesMax = 60;

    readonly Random chance;
    readonly bool changesMembers;
    readonly List<TestMember> members = [];
    readonly Dictionary<MemberId, MemoryLog> handed = [];
    readonly Dictionary<MemberId, LogIndex> commits = [];
    readonly List<RaftMessage> wire = [];
    readonly List<(TestMember From, MemberId To, StateMachine State)> snapshots = [];
    readonly HashSet<(MemberId, MemberId)> cuts = [];
    readonly ArrayBufferWriter<byte> buffer = new();
    readonly int lossPercent;
    ulong nextId = 1;

    public RandomRun(ulong seed)
    {
        chance = new Random((int)(seed ^ (seed >> 32)));
        changesMembers = chance.Next(2) == 0;
        lossPercent = chance.Next(4) * 5;
        var size = changesMembers ? 3 : chance.Next(1, 6);
        var voters = Configuration.Of([.. Enumerable.Range(1, size).Select(Make.Id)]);
        var guarded = changesMembers || chance.Next(2) == 0;
        for (var id = 1; id <= (changesMembers ? MembersMax : size); id++)
        {
            var options = new RaftOptions
            {
                Id = Make.Id(id),
                Seed = (ulong)chance.NextInt64(),
                ElectionTicks = 5,
                HeartbeatTicks = 1,
                PreVote = guarded || chance.Next(2) == 0,
                CheckQuorum = guarded,
                MessageBytesMax = chance.Next(1, 200),
                InflightMessagesMax = chance.Next(1, 5),
                InflightBytesMax = 400,
                ApplyingBytesMax = chance.Next(1, 200),
                TailBytesMax = chance.Next(0, 300),
                StepDownOnRemoval = chance.Next(2) == 0,
            };
            var member = new TestMember(options, id <= size ? voters : Configuration.Empty)
            {
                PersistsAtOnce = false,
                AppliesAtOnce = false,
            };
            members.Add(member);
            handed.Add(member.Id, new MemoryLog());
        }
    }

    public History History { get; } = new();

    public void Go(int steps)
    {
        for (var step = 0; step < steps; step++)
        {
            Step(Any(members));
        }

        Heal();
    }

    void Step(TestMember member)
    {
        switch (chance.Next(200))
        {
            case < 14:
                member.Core.Tick();
                break;
            case < 85:
                DeliverAny();
                DeliverAny();
                break;
            case < 130:
                Turn(member);
                break;
            case < 155:
                member.PersistOne();
                break;
            case < 170:
                member.ApplyOne();
                break;
            case < 182:
                LeaderOr(member).Propose($"{nextId++}");
                break;
            case < 187:
                History.BeganRead(nextId);
                member.Core.ReadIndex(nextId++);
                break;
            default:
                Disturb(member);
                break;
        }

        Check(member);
    }

    void Disturb(TestMember member)
    {
        switch (chance.Next(26))
        {
            case < 5:
                var applied = (int)member.State.Applied.Value;
                member.Compact(Make.Index(applied - chance.Next(Math.Min(3, applied + 1))));
                break;
            case < 7:
                Crash(member);
                break;
            case < 8:
                LeaderOr(member).Core.TransferLeadership(Any(members).Id);
                break;
            case < 9:
                CutOrHeal();
                break;
            case < 16:
                ChangeMembers(LeaderOr(member));
                break;
            default:
                DeliverSnapshot();
                break;
        }
    }

    void Turn(TestMember member)
    {
        if (!member.Core.HasEffects)
        {
            return;
        }

        member.Turn();
        if (member.Effects.Write is { } write)
        {
            // In memory a member is already where its disk will be.
            handed[member.Id].Write(write.Entries);
            History.SawWrite(write, handed[member.Id]);
        }

        foreach (var entry in member.Effects.Committed)
        {
            History.SawCommitted(entry);
        }

        foreach (var read in member.Effects.Reads)
        {
            History.EndedRead(read, member);
        }

        foreach (var message in member.Effects.Messages)
        {
            History.SawMessage(message, member);
            Post(message);
        }

        foreach (var request in member.Effects.Snapshots)
        {
            snapshots.Add((member, request.To, member.State.Copy()));
        }

        member.Sent.Clear();
        member.Reads.Clear();
        member.SnapshotsWanted.Clear();
    }

    void Post(RaftMessage message)
    {
        buffer.ResetWrittenCount();
        RaftMessageCodec.Encode(message, buffer);
        History.Require(
            RaftMessageCodec.TryDecode(buffer.WrittenSpan.ToArray(), out var copy),
            "A message did not survive the wire."
        );
        wire.Add(copy!);
        if (wire.Count > MessagesMax)
        {
            wire.RemoveAt(chance.Next(wire.Count));
        }
    }

    void DeliverAny()
    {
        if (wire.Count == 0)
        {
            return;
        }

        // Mostly in order, sometimes any.
        var place = chance.Next(3) == 0 ? chance.Next(wire.Count) : 0;
        var message = wire[place];
        if (chance.Next(100) >= 3)
        {
            wire.RemoveAt(place);
        }

        if (cuts.Contains((message.From, message.To)) || chance.Next(100) < lossPercent)
        {
            return;
        }

        var receiver = members.Find(member => member.Id == message.To)!;
        receiver.Core.Step(message);
        Check(receiver);
        // Mostly a loop is quick, so that the group gets somewhere between two disturbances.
        if (chance.Next(4) > 0)
        {
            Turn(receiver);
        }

        if (chance.Next(2) > 0)
        {
            receiver.PersistOne();
            Check(receiver);
            receiver.ApplyOne();
            Check(receiver);
        }
    }

    void DeliverSnapshot()
    {
        if (snapshots.Count == 0)
        {
            return;
        }

        var place = chance.Next(snapshots.Count);
        var (from, to, state) = snapshots[place];
        snapshots.RemoveAt(place);
        if (cuts.Contains((from.Id, to)) || chance.Next(100) < lossPercent)
        {
            from.Core.SnapshotFailed(to);
            return;
        }

        var receiver = members.Find(member => member.Id == to)!;
        if (receiver.Install(state))
        {
            handed[to].Restart(state.Applied, state.AppliedTerm);
        }

        from.Core.SnapshotSent(to, state.Applied);
    }

    void Crash(TestMember member)
    {
        member.Crash((ulong)chance.NextInt64());
        var log = new MemoryLog();
        log.Restart(member.Log.FirstIndex.Previous, member.Log.TermAt(member.Log.FirstIndex.Previous)!.Value);
        log.Write(member.Log.Entries);
        handed[member.Id] = log;
    }

    void CutOrHeal()
    {
        if (cuts.Count > 2)
        {
            cuts.Clear();
            return;
        }

        cuts.Add((Any(members).Id, Any(members).Id));
    }

    void ChangeMembers(TestMember member)
    {
        if (!changesMembers)
        {
            return;
        }

        var changes = new List<MemberChange>();
        for (var i = chance.Next(0, 4); i > 0; i--)
        {
            changes.Add(new MemberChange((MemberChangeKind)chance.Next(1, 4), Any(members).Id));
        }

        member.Core.ProposeConfiguration(
            new ConfigurationChange([.. changes], (ConfigurationTransition)chance.Next(3)),
            LogIndex.Zero
        );
    }

    /// <summary>With all wires whole the group makes progress again and all of it agrees.</summary>
    void Heal()
    {
        cuts.Clear();
        for (var round = 0; round < 400; round++)
        {
            foreach (var member in members)
            {
                member.Core.Tick();
                Run(member);
            }

            Exchange();
            var leader = members.Find(member =>
                member.Core.Role == RaftRole.Leader && member.Core.TransferTarget.IsNone
            );
            if (leader is not null && round > 100 && IsDone(leader))
            {
                return;
            }
        }

        throw new InvalidOperationException(
            $"The healed group does not make progress:\n{string.Join('\n', members.Select(Group.Describe))}"
        );
    }

    bool IsDone(TestMember leader)
    {
        leader.Propose($"{nextId++}");
        for (var i = 0; i < 50; i++)
        {
            members.ForEach(Run);
            Exchange();
        }

        return leader.Core.Role == RaftRole.Leader
            && leader.State.Applied == leader.Core.LastIndex
            && leader.State.Configuration.Members.All(id =>
                members.Find(member => member.Id == id)!.State.Applied == leader.State.Applied
            );
    }

    void Run(TestMember member)
    {
        while (member.Core.HasEffects || member.WritesWaiting > 0 || member.AppliesWaiting > 0)
        {
            // A commit is checked by the configuration that counted it.
            Turn(member);
            Check(member);
            member.PersistAll();
            Check(member);
            member.ApplyOne();
            Check(member);
        }
    }

    void Exchange()
    {
        var batch = wire.ToArray();
        wire.Clear();
        foreach (var message in batch)
        {
            members.Find(member => member.Id == message.To)!.Core.Step(message);
        }

        foreach (var (from, to, state) in snapshots.ToArray())
        {
            if (members.Find(member => member.Id == to)!.Install(state))
            {
                handed[to].Restart(state.Applied, state.AppliedTerm);
            }

            from.Core.SnapshotSent(to, state.Applied);
        }

        snapshots.Clear();
    }

    void Check(TestMember member)
    {
        History.SawRole(member, handed[member.Id]);
        var known = commits.GetValueOrDefault(member.Id);
        var commit = member.Core.CommitIndex;
        if (member.Core.Role == RaftRole.Leader && commit > known)
        {
            var configuration = member.Core.Configuration;
            History.Require(
                Group.HasDurableQuorum(members, configuration, commit, handed[member.Id].TermAt(commit)),
                $"{member.Id} committed {commit}, which lies on no durable quorum of {configuration}."
            );
        }

        commits[member.Id] = commit;
    }

    TestMember LeaderOr(TestMember other) => members.Find(member => member.Core.Role == RaftRole.Leader) ?? other;

    TestMember Any(List<TestMember> from) => from[chance.Next(from.Count)];
}
