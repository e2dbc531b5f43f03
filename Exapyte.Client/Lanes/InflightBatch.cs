using Exapyte.Operations;

namespace Exapyte.Client.Lanes;

/// <summary>A batch on its way and the callers whose operations it carries.</summary>
internal sealed class InflightBatch(LaneQueue queue, PendingOperation[] items, OperationBatch batch)
{
    public PendingOperation[] Items => items;

    public OperationBatch Batch => batch;

    /// <summary>The queue that its items came from.</summary>
    public LaneQueue Queue => queue;

    /// <summary>When the first of its callers stops waiting, in the clock's milliseconds.</summary>
    public long EarliestMs { get; private set; } = EarliestOf(items);

    /// <summary>Whether some caller waited in vain.</summary>
    public bool Missed { get; private set; }

    /// <summary>Hands every caller its part of the reply.</summary>
    public void Complete(AttemptKind kind, BatchReply? reply)
    {
        var offset = 0;
        foreach (var item in items)
        {
            // Once completed the item belongs to its caller again: read it first.
            var count = item.Count;
            item.CompleteLast(new Attempt(kind, reply, offset));
            offset += count;
        }
    }

    /// <summary>Its callers wait for less long, or for as long as before.</summary>
    public void Hasten(Func<AttemptDeadlines, AttemptDeadlines> shorten)
    {
        foreach (var item in items)
        {
            item.AttemptDeadlines = shorten(item.AttemptDeadlines);
        }
        EarliestMs = EarliestOf(items);
    }

    /// <summary>Lets the callers go whose time is up; true where nobody waits any more.</summary>
    public bool Expire(long nowMs)
    {
        var earliest = long.MaxValue;
        foreach (var item in items)
        {
            if (item.AttemptDeadlines.AnsweredUntilMs <= nowMs)
            {
                item.CompleteEarly(AttemptKind.TimedOut);
                Missed = true;
            }
            else if (!item.IsCompleted)
            {
                earliest = Math.Min(earliest, item.AttemptDeadlines.AnsweredUntilMs);
            }
        }
        EarliestMs = earliest;
        return earliest == long.MaxValue;
    }

    private static long EarliestOf(PendingOperation[] items)
    {
        var earliest = long.MaxValue;
        foreach (var item in items)
        {
            earliest = Math.Min(earliest, item.AttemptDeadlines.AnsweredUntilMs);
        }
        return earliest;
    }
}
