namespace Exapyte.Raft.Tests.Harness;

/// <summary>Some members and the wires between them. Messages go in the order they were sent, except over cut wires.</summary>
sealed class Cluster
{
    readonly SortedDictionary<MemberId, TestMember> members = [];
    readonly HashSet<(MemberId From, MemberId To)> cuts = [];
    readonly List<Func<RaftMessage, bool>> drops = [];

    public IReadOnlyCollection<TestMember> Members => members.Values;

    public TestMember this[int id] => members[Make.Id(id)];

    /// <summary>Everything that was delivered.</summary>
    public List<RaftMessage> Delivered { get; } = [];

    public static Cluster Of(int size, Func<RaftOptions, RaftOptions>? options = null)
    {
        var voters = new MemberId[size];
        for (var i = 0; i < size; i++)
        {
            voters[i] = Make.Id(i + 1);
        }

        var cluster = new Cluster();
        foreach (var id in voters)
        {
            cluster.Add(new TestMember(Make.Options(id, options), Configuration.Of(voters)));
        }

        return cluster;
    }

    public Cluster Add(TestMember member)
    {
        members.Add(member.Id, member);
        return this;
    }

    /// <summary>Cuts a member off, both ways.</summary>
    public void Isolate(int id)
    {
        foreach (var other in members.Keys)
        {
            Cut(Make.Id(id), other);
        }
    }

    public void Cut(MemberId one, MemberId other)
    {
        cuts.Add((one, other));
        cuts.Add((other, one));
    }

    public void Drop(Func<RaftMessage, bool> which) => drops.Add(which);

    public void Heal()
    {
        cuts.Clear();
        drops.Clear();
    }

    /// <summary>Lets everything run until nobody has anything left to do.</summary>
    public Cluster Settle(int turnsMax = 10_000)
    {
        for (var turn = 0; turn < turnsMax; turn++)
        {
            var isQuiet = true;
            foreach (var member in members.Values)
            {
                member.Run();
                isQuiet &= member.Sent.Count == 0 && member.SnapshotsWanted.Count == 0;
            }

            if (isQuiet)
            {
                return this;
            }

            foreach (var member in members.Values)
            {
                Deliver(member);
                SendSnapshots(member);
            }
        }

        throw new InvalidOperationException("The cluster does not come to rest.");
    }

    public Cluster Tick(int ticks = 1)
    {
        for (var i = 0; i < ticks; i++)
        {
            foreach (var member in members.Values)
            {
                member.Core.Tick();
            }

            Settle();
        }

        return this;
    }

    /// <summary>Makes one member leader without waiting for its clock.</summary>
    public TestMember Elect(int id)
    {
        foreach (var member in members.Values)
        {
            if (member.Core.Role == RaftRole.Follower)
            {
                member.Core.ForgetLeader();
            }
        }

        this[id].Core.Campaign();
        Settle();
        return this[id];
    }

    void Deliver(TestMember member)
    {
        var batch = member.Sent.ToArray();
        member.Sent.Clear();
        foreach (var message in batch)
        {
            if (Passes(message) && members.TryGetValue(message.To, out var receiver))
            {
                Delivered.Add(message);
                receiver.Core.Step(message);
            }
        }
    }

    void SendSnapshots(TestMember member)
    {
        var wanted = member.SnapshotsWanted.ToArray();
        member.SnapshotsWanted.Clear();
        foreach (var to in wanted)
        {
            if (cuts.Contains((member.Id, to)) || !members.TryGetValue(to, out var receiver))
            {
                member.Core.SnapshotFailed(to);
                continue;
            }

            var snapshot = member.State.Copy();
            receiver.Install(snapshot);
            member.Core.SnapshotSent(to, snapshot.Applied);
        }
    }

    bool Passes(RaftMessage message)
    {
        if (cuts.Contains((message.From, message.To)))
        {
            return false;
        }

        foreach (var drop in drops)
        {
            if (drop(message))
            {
                return false;
            }
        }

        return true;
    }
}
