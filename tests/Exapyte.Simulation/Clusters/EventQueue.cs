namespace Exapyte.Simulation.Clusters;

/// <summary>What can come up.</summary>
internal enum EventKind : byte
{
    Tick,
    Deliver,
    Work,
    WriteLog,
    HearLog,
    PrepareLog,
    Upkeep,
    Confirm,
    Client,
    ClientArrives,
    ClientTimesOut,
    Fault,
    EndFault,
    Restart,
    Operator,
    Lull,
}

/// <summary>One thing to come. Events of a node's earlier life are passed over.</summary>
internal readonly record struct Event(EventKind Kind, int Node, int Life, object? Subject, long Number);

/// <summary>Events by time; those of one moment in the order in which they were added.</summary>
internal sealed class EventQueue
{
    private readonly record struct Due(long AtUs, long Order, Event Event);

    private Due[] heap = new Due[256];
    private int count;
    private long order;

    /// <summary>The time of the event taken last, in microseconds.</summary>
    public long NowUs { get; private set; }

    public int Count => count;

    public void Add(long delayUs, in Event what)
    {
        if (count == heap.Length)
        {
            Array.Resize(ref heap, count * 2);
        }
        var due = new Due(NowUs + Math.Max(0, delayUs), order++, what);
        var at = count++;
        while (at > 0 && IsBefore(due, heap[(at - 1) / 2]))
        {
            heap[at] = heap[(at - 1) / 2];
            at = (at - 1) / 2;
        }
        heap[at] = due;
    }

    public Event Take()
    {
        var first = heap[0];
        var last = heap[--count];
        heap[count] = default;
        var at = 0;
        while (true)
        {
            var child = (2 * at) + 1;
            if (child >= count)
            {
                break;
            }
            child += child + 1 < count && IsBefore(heap[child + 1], heap[child]) ? 1 : 0;
            if (!IsBefore(heap[child], last))
            {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        if (count > 0)
        {
            heap[at] = last;
        }
        NowUs = first.AtUs;
        return first.Event;
    }

    private static bool IsBefore(in Due left, in Due right) =>
        left.AtUs < right.AtUs || (left.AtUs == right.AtUs && left.Order < right.Order);
}
