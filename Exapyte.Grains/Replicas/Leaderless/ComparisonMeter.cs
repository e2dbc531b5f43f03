using System.Diagnostics.Metrics;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// What comparing replicas has found and moved: instruments of the meter <c>Exapyte.Replicas</c>, for the whole process. An
/// instrument that nobody listens to costs a branch. Thread-safe.
/// </summary>
internal static class ComparisonMeter
{
    /// <summary>The meter's name.</summary>
    public const string Name = "Exapyte.Replicas";

    private static readonly Meter Meter = new(Name);

    /// <summary>Comparisons of a replica with one other that were completed.</summary>
    public static readonly Counter<long> Compared = Meter.CreateCounter<long>(
        "exapyte.replicas.compared",
        "{comparison}",
        "Completed comparisons of two replicas of a shard."
    );

    /// <summary>Leaves in which two replicas differed.</summary>
    public static readonly Counter<long> DifferingLeaves = Meter.CreateCounter<long>(
        "exapyte.replicas.differing_leaves",
        "{leaf}",
        "Leaves of the digests in which two replicas differed."
    );

    /// <summary>Entries that comparisons moved from one replica to another.</summary>
    public static readonly Counter<long> Moved = Meter.CreateCounter<long>(
        "exapyte.replicas.moved",
        "{entry}",
        "Entries that comparisons moved."
    );

    /// <summary>Entries that joining or restarted replicas copied from others.</summary>
    public static readonly Counter<long> Copied = Meter.CreateCounter<long>(
        "exapyte.replicas.copied",
        "{entry}",
        "Entries that replicas copied to be complete."
    );

    /// <summary>Keys of which replicas held the same version with different contents.</summary>
    public static readonly Counter<long> Contradictions = Meter.CreateCounter<long>(
        "exapyte.replicas.contradictions",
        "{key}",
        "Keys of which replicas held the same version with different contents."
    );
}

/// <summary>The same for one replica, for its tests and for people who debug. Thread-safe.</summary>
internal sealed class ComparisonTotals
{
    private long compared;
    private long differingLeaves;
    private long moved;
    private long copied;
    private long contradictions;

    /// <summary>Comparisons with a peer that were completed.</summary>
    public long Compared => Volatile.Read(ref compared);

    /// <summary>Leaves that differed.</summary>
    public long DifferingLeaves => Volatile.Read(ref differingLeaves);

    /// <summary>Entries that moved.</summary>
    public long Moved => Volatile.Read(ref moved);

    /// <summary>Entries that were copied to be complete.</summary>
    public long Copied => Volatile.Read(ref copied);

    /// <summary>Keys that replicas contradicted each other about.</summary>
    public long Contradictions => Volatile.Read(ref contradictions);

    /// <summary>A peer was compared with.</summary>
    public void HasCompared(int leaves, PeerDifferences? differences)
    {
        var entries = differences is null ? 0 : differences.Pulled + differences.Pushed;
        Interlocked.Add(ref differingLeaves, leaves);
        ComparisonMeter.DifferingLeaves.Add(leaves);
        Interlocked.Add(ref moved, entries);
        ComparisonMeter.Moved.Add(entries);
        if (differences?.Problem is null)
        {
            Interlocked.Increment(ref compared);
            ComparisonMeter.Compared.Add(1);
        }
    }

    /// <summary>Entries were copied.</summary>
    public void HasCopied(long entries)
    {
        Interlocked.Add(ref copied, entries);
        ComparisonMeter.Copied.Add(entries);
    }

    /// <summary>A contradiction was met.</summary>
    public void HasMetContradiction()
    {
        Interlocked.Increment(ref contradictions);
        ComparisonMeter.Contradictions.Add(1);
    }
}
