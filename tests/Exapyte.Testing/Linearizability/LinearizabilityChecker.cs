namespace Exapyte.Testing.Linearizability;

/// <summary>What the checker found.</summary>
public enum LinearizabilityVerdict : byte
{
    /// <summary>There is an order of the operations that explains all that was seen.</summary>
    Linearizable,

    /// <summary>There is none.</summary>
    NotLinearizable,

    /// <summary>The search was given up: too many orders.</summary>
    Undecided,
}

/// <summary>
/// Whether a history of one key is linearizable: Wing and Gong, "Testing and verifying concurrent objects", 1993, with the
/// memo of Lowe, "Testing for linearizability", 2017: no set of operations is tried twice on the same state.
/// </summary>
/// <remarks>
/// Operations without an answer stay open to the end: whatever comes last changes nothing that anyone saw, so "never" needs
/// no case of its own.
/// </remarks>
public sealed class LinearizabilityChecker
{
    private readonly record struct Taken(int Operation, ulong StateBefore);

    private readonly HashSet<Memo> tried = new(MemoComparer.Instance);
    private readonly Stack<Taken> taken = new();
    private KeyOperation[] operations = [];
    private int[] next = [];
    private int[] previous = [];
    private ulong[] done = [];
    private int[] operationAt = [];
    private int[] beginOf = [];
    private int[] endOf = [];

    /// <summary>Checks a history; the key is absent when it begins.</summary>
    /// <param name="history">The operations, in any order.</param>
    /// <param name="triesMax">How many steps of the search are worth an answer.</param>
    public LinearizabilityVerdict Check(IEnumerable<KeyOperation> history, long triesMax = 2_000_000)
    {
        Begin(history);
        var state = 0ul;
        var places = 2 * operations.Length;
        // Places 0..2n-1 are the begins and ends in order of time, 2n is the head of the list of those not yet explained.
        var at = next[places];
        while (next[places] != places)
        {
            if (triesMax-- <= 0)
            {
                return LinearizabilityVerdict.Undecided;
            }
            if (at != places && IsBegin(at))
            {
                var operation = operationAt[at];
                if (operations[operation].TryStep(state, out var after) && TryRemember(operation, after))
                {
                    taken.Push(new(operation, state));
                    state = after;
                    Lift(operation);
                    at = next[places];
                }
                else
                {
                    at = next[at];
                }
                continue;
            }
            // An operation has ended that nothing could explain up to here.
            if (!TryTakeBack(ref state, out var last))
            {
                return LinearizabilityVerdict.NotLinearizable;
            }
            at = next[beginOf[last]];
        }
        return LinearizabilityVerdict.Linearizable;
    }

    /// <summary>
    /// Takes back what was taken up to the last choice. What never changes the state was none: wherever it fits it may as
    /// well stand, and another place for it explains nothing more.
    /// </summary>
    private bool TryTakeBack(ref ulong state, out int operation)
    {
        while (taken.TryPop(out var last))
        {
            operation = last.Operation;
            state = last.StateBefore;
            done[operation / 64] &= ~(1ul << (operation % 64));
            Unlift(operation);
            if (operations[operation] is { Kind: KeyOperationKind.Write, Outcome: not KeyOutcome.ConditionFailed })
            {
                return true;
            }
        }
        operation = -1;
        return false;
    }

    private bool IsBegin(int place) => beginOf[operationAt[place]] == place;

    private void Begin(IEnumerable<KeyOperation> history)
    {
        operations = [.. history.OrderBy(operation => operation.BeganAt)];
        tried.Clear();
        taken.Clear();
        done = new ulong[(operations.Length + 63) / 64];
        var moments = new List<(long At, bool IsEnd, int Operation)>(2 * operations.Length);
        for (var i = 0; i < operations.Length; i++)
        {
            moments.Add((operations[i].BeganAt, false, i));
            moments.Add((operations[i].EndedAt, true, i));
        }
        // What ends at the very moment at which something else begins overlaps with it.
        moments.Sort();
        var places = moments.Count;
        operationAt = new int[places];
        beginOf = new int[operations.Length];
        endOf = new int[operations.Length];
        next = new int[places + 1];
        previous = new int[places + 1];
        for (var place = 0; place <= places; place++)
        {
            next[place] = place == places ? 0 : place + 1;
            previous[place] = place == 0 ? places : place - 1;
        }
        for (var place = 0; place < places; place++)
        {
            operationAt[place] = moments[place].Operation;
            (moments[place].IsEnd ? endOf : beginOf)[moments[place].Operation] = place;
        }
    }

    private bool TryRemember(int operation, ulong after)
    {
        done[operation / 64] |= 1ul << (operation % 64);
        if (tried.Add(new(done, after)))
        {
            // What is kept must not change with what is still being tried.
            done = (ulong[])done.Clone();
            return true;
        }
        done[operation / 64] &= ~(1ul << (operation % 64));
        return false;
    }

    private void Lift(int operation)
    {
        Unlink(beginOf[operation]);
        Unlink(endOf[operation]);
    }

    private void Unlift(int operation)
    {
        Link(endOf[operation]);
        Link(beginOf[operation]);
    }

    private void Unlink(int place)
    {
        next[previous[place]] = next[place];
        previous[next[place]] = previous[place];
    }

    private void Link(int place)
    {
        next[previous[place]] = place;
        previous[next[place]] = place;
    }

    private readonly record struct Memo(ulong[] Done, ulong State);

    private sealed class MemoComparer : IEqualityComparer<Memo>
    {
        public static readonly MemoComparer Instance = new();

        public bool Equals(Memo x, Memo y) => x.State == y.State && x.Done.AsSpan().SequenceEqual(y.Done);

        public int GetHashCode(Memo obj)
        {
            var hash = obj.State;
            foreach (var word in obj.Done)
            {
                hash = ((hash ^ word) * 0x9E37_79B9_7F4A_7C15) ^ (hash >> 31);
            }
            return (int)(hash ^ (hash >> 32));
        }
    }
}
