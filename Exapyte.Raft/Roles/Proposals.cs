namespace Exapyte.Raft;

/// <summary>
/// How entries get into a leader's log.
/// <list type="bullet">
/// <item>All of a proposal's commands are accepted, next to each other, or none.</item>
/// <item>One configuration change at a time: none is taken while another is in the log and not applied, and none before an
/// entry of the own term is committed (the flaw of the thesis' section 4.1, mended on raft-dev in 2015).</item>
/// </list>
/// </summary>
sealed class Proposals(Member member, LeaderRole leader)
{
    long uncommittedBytes;

    public ProposeResult Propose(ReadOnlySpan<ReadOnlyMemory<byte>> commands)
    {
        if (commands.IsEmpty)
        {
            return Refused("There is nothing to propose.");
        }

        if (Obstacle() is { } obstacle)
        {
            return obstacle;
        }

        var bytes = 0L;
        foreach (var command in commands)
        {
            bytes += command.Length + LogEntry.OverheadBytes;
        }

        if (uncommittedBytes > 0 && uncommittedBytes + bytes > member.Options.UncommittedBytesMax)
        {
            return Answer(ProposeOutcome.Overloaded);
        }

        var first = member.Log.Last.Next;
        foreach (var command in commands)
        {
            Append(EntryKind.Command, command);
        }

        return Answer(ProposeOutcome.Accepted) with
        {
            FirstIndex = first,
        };
    }

    public ProposeResult Propose(ConfigurationChange change, LogIndex expected)
    {
        if (Obstacle() is { } obstacle)
        {
            return obstacle;
        }

        if (expected != LogIndex.Zero && expected != member.Configuration.Index)
        {
            return Refused($"The configuration is that of index {member.Configuration.Index}, not {expected}.");
        }

        if (!leader.HasCommittedInTerm)
        {
            return Refused("Nothing of this term is committed yet.");
        }

        if (!member.Log.Configurations.IsEmpty)
        {
            return Refused("Another change is under way.");
        }

        if (!ConfigurationChanger.TryApply(member.Configuration, change, out var next, out var refusal))
        {
            return Refused(refusal);
        }

        var index = member.Log.Last.Next;
        Append(EntryKind.Configuration, ConfigurationCodec.Encode(next.At(index)));
        return Answer(ProposeOutcome.Accepted) with { FirstIndex = index };
    }

    public void AppendEmpty() => Append(EntryKind.Empty, default);

    /// <summary>Leaves a joint configuration that wants to be left, once it holds and nothing else is under way.</summary>
    public void LeaveJointIfDue()
    {
        if (member.Configuration.AutoLeave && member.Role == leader && member.Log.Configurations.IsEmpty)
        {
            Propose(ConfigurationChange.Leave, LogIndex.Zero);
        }
    }

    /// <summary>Entries were committed: those of this term make room.</summary>
    public void Committed(in LogEntry entry)
    {
        if (entry.Term == member.Term)
        {
            uncommittedBytes -= entry.SizeBytes;
        }
    }

    public ProposeResult Answer(ProposeOutcome outcome) => new(outcome, default, member.Term, member.Leader);

    ProposeResult? Obstacle()
    {
        if (leader.Transfer.IsUnderWay)
        {
            return Answer(ProposeOutcome.Transferring);
        }

        return member.Configuration.IsVoter(member.Id) ? null : Refused("This leader is no voter any more.");
    }

    ProposeResult Refused(string reason) => Answer(ProposeOutcome.Refused) with { Refusal = reason };

    void Append(EntryKind kind, ReadOnlyMemory<byte> payload)
    {
        var entry = new LogEntry(member.Term, member.Log.Last.Next, kind, payload);
        member.Log.Append(entry);
        uncommittedBytes += entry.SizeBytes;
        leader.Changed();
    }
}
