namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// The range of the log in which writes wait to be pushed, and who counts their arrival. What lies in it and arrived before is
/// pushed once more, which is harmless. Not thread-safe.
/// </summary>
internal sealed class PushBacklog
{
    private readonly SortedDictionary<ulong, AckCounter> awaited = [];

    /// <summary>The first index.</summary>
    public ulong From { get; private set; } = 1;

    /// <summary>The last index.</summary>
    public ulong Through { get; private set; }

    /// <summary>Whether nothing waits.</summary>
    public bool IsEmpty => From > Through;

    /// <summary>Indexes in it.</summary>
    public long Count => IsEmpty ? 0 : (long)(Through - From + 1);

    /// <summary>Takes a write in.</summary>
    public void Add(ulong index, AckCounter? acks)
    {
        (From, Through) = IsEmpty ? (index, index) : (Math.Min(From, index), Math.Max(Through, index));
        Prune();
        if (acks is { IsOver: false })
        {
            awaited[index] = acks;
        }
    }

    /// <summary>Who counts the arrival of a write; null where nobody does.</summary>
    public AckCounter? AcksOf(ulong index) => awaited.Remove(index, out var acks) ? acks : null;

    /// <summary>Goes on behind a part of it; how many indexes were passed.</summary>
    public long SkipTo(ulong index)
    {
        var passed = IsEmpty || index <= From ? 0 : (long)(Math.Min(index, Through + 1) - From);
        From = Math.Max(From, index);
        return passed;
    }

    /// <summary>Nothing waits any more.</summary>
    public void Clear()
    {
        (From, Through) = (1, 0);
        awaited.Clear();
    }

    /// <summary>Who has stopped waiting need not be told: so that no more are kept than operations are under way.</summary>
    private void Prune()
    {
        while (awaited.Count > 0 && awaited.First() is var (index, acks) && acks.IsOver)
        {
            awaited.Remove(index);
        }
    }
}
