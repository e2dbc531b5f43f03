namespace Exapyte.Raft;

/// <summary>
/// Reads that began at this member (thesis, section 6.4): gathered while a turn lasts, asked together of whoever leads,
/// let through when the state machine has reached the answer. Each ends exactly once, ready or refused.
/// </summary>
sealed class ReadDesk
{
    /// <summary>Reads that are asked as one.</summary>
    sealed class Batch(ulong id, List<ulong> readIds, int ticksLeft)
    {
        public ulong Id => id;
        public List<ulong> ReadIds => readIds;
        public int TicksLeft { get; set; } = ticksLeft;
        public LogIndex Index { get; set; }
    }

    readonly Member member;
    readonly List<Batch> asked = [];
    readonly List<Batch> answered = [];
    readonly List<ReadResult> results = [];
    List<ulong> gathered = [];
    ulong lastBatchId;
    int waiting;

    public ReadDesk(Member member)
    {
        this.member = member;
        // Questions of an earlier life of this member must not be taken for ours: a fresh seed starts elsewhere.
        lastBatchId = ((ulong)(uint)member.Dice.Next(int.MaxValue) << 32) | (uint)member.Dice.Next(int.MaxValue);
    }

    public bool HasResults => results.Count > 0;

    public bool HasToFlush => gathered.Count > 0;

    public void Ask(ulong readId)
    {
        if (waiting >= member.Options.PendingReadsMax)
        {
            results.Add(new ReadResult(readId, IsReady: false, default, member.Leader));
            return;
        }

        waiting++;
        gathered.Add(readId);
    }

    /// <summary>A read that a lease answers at once.</summary>
    public void AskAnswered(ulong readId, LogIndex index)
    {
        waiting++;
        LetThroughOrKeep(new Batch(++lastBatchId, [readId], 0) { Index = index });
    }

    /// <summary>Sends what has gathered to the leader, be it this member.</summary>
    public void Flush()
    {
        if (gathered.Count == 0)
        {
            return;
        }

        var batch = new Batch(++lastBatchId, gathered, member.Options.ElectionTicks * 2);
        gathered = [];
        if (member.Role is LeaderRole leader)
        {
            asked.Add(batch);
            leader.Reads.Ask(new ReadRequest(member.Id, batch.Id));
        }
        else if (!member.Leader.IsNone)
        {
            asked.Add(batch);
            member.Outbox.Send(
                new RaftMessage
                {
                    Kind = RaftMessageKind.ReadIndexRequest,
                    From = member.Id,
                    To = member.Leader,
                    Term = member.Term,
                    Context = batch.Id,
                }
            );
        }
        else
        {
            Refuse(batch, member.Leader);
        }
    }

    /// <summary>The leader's answer to a batch of this member.</summary>
    public void Answered(RaftMessage message)
    {
        if (message.From != member.Leader || Take(message.Context) is not { } batch)
        {
            return;
        }

        if (message.Reject)
        {
            Refuse(batch, member.Leader);
            return;
        }

        batch.Index = message.Index;
        LetThroughOrKeep(batch);
    }

    /// <summary>This member leads and knows the index for one of its own batches; null refuses it.</summary>
    public void Answered(ulong batchId, LogIndex? index)
    {
        if (Take(batchId) is not { } batch)
        {
            return;
        }

        if (index is not { } known)
        {
            Refuse(batch, member.Leader);
            return;
        }

        batch.Index = known;
        LetThroughOrKeep(batch);
    }

    /// <summary>Who was asked does not lead any more. What was answered stays good: it only waits to be applied.</summary>
    public void RefuseAsked(MemberId leader)
    {
        foreach (var batch in asked)
        {
            Refuse(batch, leader);
        }

        asked.Clear();
    }

    /// <summary>An answer that takes too long was lost on its way.</summary>
    public void Tick()
    {
        for (var i = asked.Count - 1; i >= 0; i--)
        {
            asked[i].TicksLeft--;
            if (asked[i].TicksLeft <= 0)
            {
                Refuse(asked[i], member.Leader);
                asked.RemoveAt(i);
            }
        }
    }

    public void Applied()
    {
        for (var i = 0; i < answered.Count; i++)
        {
            if (answered[i].Index <= member.AppliedIndex)
            {
                LetThrough(answered[i]);
                answered.RemoveAt(i);
                i--;
            }
        }
    }

    public void MoveTo(List<ReadResult> into)
    {
        into.AddRange(results);
        results.Clear();
    }

    Batch? Take(ulong batchId)
    {
        for (var i = 0; i < asked.Count; i++)
        {
            if (asked[i].Id == batchId)
            {
                var batch = asked[i];
                asked.RemoveAt(i);
                return batch;
            }
        }

        return null;
    }

    void LetThroughOrKeep(Batch batch)
    {
        if (batch.Index <= member.AppliedIndex)
        {
            LetThrough(batch);
        }
        else
        {
            answered.Add(batch);
        }
    }

    void LetThrough(Batch batch) => End(batch, isReady: true, batch.Index, member.Leader);

    void Refuse(Batch batch, MemberId leader) => End(batch, isReady: false, default, leader);

    void End(Batch batch, bool isReady, LogIndex index, MemberId leader)
    {
        waiting -= batch.ReadIds.Count;
        foreach (var readId in batch.ReadIds)
        {
            results.Add(new ReadResult(readId, isReady, index, leader));
        }
    }
}
