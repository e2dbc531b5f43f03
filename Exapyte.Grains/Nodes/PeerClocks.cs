namespace Exapyte.Grains.Nodes;

/// <summary>How this node's wall clock stands among those of the others.</summary>
internal enum ClockStanding
{
    /// <summary>Nobody else's clock is known: the node's own is all there is.</summary>
    Alone,

    /// <summary>No majority of the nodes says otherwise.</summary>
    Right,

    /// <summary>A majority of the nodes is behind it by more than the limit.</summary>
    Ahead,

    /// <summary>A majority of the nodes is ahead of it by more than the limit.</summary>
    Behind,
}

/// <summary>
/// Compares the node's wall clock with those of the others. Every answer to a batch of messages carries the other node's
/// time: it was read somewhere between the sending and the answer, which bounds what that clock shows. Of more than two
/// nodes a majority whose clocks differ from this one's by more than the limit, beyond doubt, says that this one is wrong; of
/// two nodes nobody can tell. Thread-safe.
/// </summary>
/// <remarks>
/// The method is NTP's (Mills; the bounds are kept as an interval, which Marzullo's thesis of 1984 intersects). Other clocks
/// are kept relative to this process' monotonic clock, so that a step of this node's own wall clock is seen the moment it is
/// asked, not with the next answer. Bounds widen by <see cref="DriftPerMs"/> as they age; a clock that stepped no longer meets
/// its old bounds and begins anew.
/// </remarks>
internal sealed class PeerClocks(TimeProvider time, KeptTime kept, long skewMsMax, Func<IReadOnlyList<string>> others)
{
    /// <summary>How far two clocks may drift apart for each millisecond: 200 ppm, twice what a quartz does.</summary>
    private const double DriftPerMs = 0.0002;

    private static readonly TimeSpan KeptFor = TimeSpan.FromHours(1);

    /// <summary>For how long after the first write the answers of all others are waited for.</summary>
    private static readonly TimeSpan FirstComparisonMax = TimeSpan.FromSeconds(3);

    private readonly Lock gate = new();
    private readonly Dictionary<string, Bounds> known = new(StringComparer.Ordinal);
    private readonly long started = time.GetTimestamp();
    private volatile Judgement judgement = Judgement.None;
    private volatile bool isCompared;
    private double askedAtMs = -1;

    /// <summary>Where another clock is, relative to this process' monotonic one, as of a moment of that.</summary>
    private readonly record struct Bounds(double LowMs, double HighMs, double AtMs)
    {
        public double MiddleMs => (LowMs + HighMs) / 2;

        public Bounds At(double nowMs)
        {
            var drift = Math.Max(0, nowMs - AtMs) * DriftPerMs;
            return new(LowMs - drift, HighMs + drift, nowMs);
        }

        public Bounds? Met(in Bounds other)
        {
            var met = new Bounds(Math.Max(LowMs, other.LowMs), Math.Min(HighMs, other.HighMs), AtMs);
            return met.LowMs <= met.HighMs ? met : null;
        }
    }

    /// <summary>From where on the own clock is wrong, and what the others show, all relative to the monotonic clock.</summary>
    private sealed record Judgement(double AheadFromMs, double BehindFromMs, double MedianMs, int Others)
    {
        public static readonly Judgement None = new(double.MaxValue, double.MinValue, 0, 0);

        public ClockStanding Of(double ownMs) =>
            ownMs > AheadFromMs ? ClockStanding.Ahead
            : ownMs < BehindFromMs ? ClockStanding.Behind
            : Others == 0 ? ClockStanding.Alone
            : ClockStanding.Right;
    }

    /// <summary>Milliseconds of the monotonic clock, for <see cref="Heard"/>.</summary>
    public double SteadyMs => time.GetElapsedTime(started).TotalMilliseconds;

    /// <summary>What the node's own wall clock shows, in Unix milliseconds.</summary>
    public long OwnMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>
    /// The time as best known, in Unix milliseconds: the own clock's, or that of the others' middle one where the own is wrong.
    /// Where no other clock is known it never goes back.
    /// </summary>
    public long NowMs
    {
        get
        {
            var judged = judgement;
            if (judged.Others == 0)
            {
                return kept.NowMs;
            }
            var own = OwnMs;
            var steady = SteadyMs;
            return judged.Of(own - steady) is ClockStanding.Ahead or ClockStanding.Behind
                ? (long)(judged.MedianMs + steady)
                : own;
        }
    }

    /// <summary>How this node's clock stands now.</summary>
    public ClockStanding Standing => judgement.Of(OwnMs - SteadyMs);

    /// <summary>Other nodes whose clocks are known.</summary>
    public int Others => judgement.Others;

    /// <summary>How far the own clock is ahead of the others' middle one, in milliseconds; 0 where none is known.</summary>
    public long AheadMs => judgement is { Others: > 0 } judged ? (long)(OwnMs - SteadyMs - judged.MedianMs) : 0;

    /// <summary>
    /// How far the time is ahead of the own clock because that went back and no other is known, in milliseconds; else 0.
    /// </summary>
    public long HeldMs => judgement.Others == 0 ? kept.HeldMs : 0;

    /// <summary>Whether each other node that is alive has told its time.</summary>
    public bool IsCompared => isCompared || HasCompared();

    /// <summary>Why this node's clock is not to be trusted, for a person; null where it is.</summary>
    public string? Problem =>
        Standing switch
        {
            ClockStanding.Ahead => Describe("ahead of"),
            ClockStanding.Behind => Describe("behind"),
            _ => null,
        };

    /// <summary>
    /// Why nothing may be stamped by this clock now; null where it may. A clock that was never compared is waited for a little
    /// after a start: it may be as wrong as any.
    /// </summary>
    public string? RefusalToStamp(out bool isLasting)
    {
        isLasting = Problem is not null;
        return Problem
            ?? (
                MayBeTrusted()
                    ? null
                    : "This node has not compared its clock with those of the others since it was started."
            );
    }

    /// <summary>Another node answered with its time.</summary>
    /// <param name="node">The node.</param>
    /// <param name="sentMs"><see cref="SteadyMs"/> when it was asked.</param>
    /// <param name="theirMs">What its wall clock showed, in Unix milliseconds; 0 where it did not say.</param>
    public void Heard(string node, double sentMs, long theirMs)
    {
        if (theirMs == 0)
        {
            return;
        }
        var nowMs = SteadyMs;
        var heard = new Bounds(theirMs - nowMs, theirMs + 1 - sentMs, nowMs);
        lock (gate)
        {
            var met = known.TryGetValue(node, out var before) ? before.At(nowMs).Met(heard) : null;
            known[node] = met ?? heard;
            if (met is null)
            {
                Judge(nowMs);
            }
        }
    }

    /// <summary>Forgets what is old and judges anew; to be called with every tick.</summary>
    public void Review()
    {
        kept.Observe();
        var nowMs = SteadyMs;
        lock (gate)
        {
            foreach (var (node, bounds) in known)
            {
                if (nowMs - bounds.AtMs > KeptFor.TotalMilliseconds)
                {
                    known.Remove(node);
                }
            }
            Judge(nowMs);
        }
    }

    /// <summary>The nodes whose clocks differ from this one's by more than the limit, beyond doubt, and by how much about.</summary>
    public IReadOnlyList<(string Node, long AheadMs)> Differing()
    {
        var nowMs = SteadyMs;
        var own = OwnMs - nowMs;
        lock (gate)
        {
            return
            [
                .. known
                    .Select(pair => (Node: pair.Key, Bounds: pair.Value.At(nowMs)))
                    .Where(one => one.Bounds.LowMs > own + skewMsMax || one.Bounds.HighMs < own - skewMsMax)
                    .OrderBy(one => one.Node, StringComparer.Ordinal)
                    .Select(one => (one.Node, (long)(one.Bounds.MiddleMs - own))),
            ];
        }
    }

    private void Judge(double nowMs)
    {
        var bounds = known.Values.Select(one => one.At(nowMs)).ToArray();
        if (bounds.Length == 0)
        {
            judgement = Judgement.None;
            return;
        }
        // So many others that they outnumber this node together with the rest.
        var majority = ((bounds.Length + 1) / 2) + 1;
        var highs = bounds.Select(one => one.HighMs).Order().ToArray();
        var lows = bounds.Select(one => one.LowMs).OrderDescending().ToArray();
        var middles = bounds.Select(one => one.MiddleMs).Order().ToArray();
        judgement = new(
            majority <= bounds.Length ? highs[majority - 1] + skewMsMax : double.MaxValue,
            majority <= bounds.Length ? lows[majority - 1] - skewMsMax : double.MinValue,
            middles[middles.Length / 2],
            bounds.Length
        );
    }

    private bool HasCompared()
    {
        lock (gate)
        {
            return others().All(known.ContainsKey);
        }
    }

    private bool MayBeTrusted()
    {
        if (isCompared)
        {
            return true;
        }
        if (HasCompared())
        {
            // A node without others stays open to those that come: they are compared with before anything is stamped.
            isCompared = others().Count > 0;
            return true;
        }
        var nowMs = SteadyMs;
        if (Interlocked.CompareExchange(ref askedAtMs, nowMs, -1) is var asked && asked >= 0)
        {
            isCompared = nowMs - asked > FirstComparisonMax.TotalMilliseconds;
        }
        return isCompared;
    }

    private string Describe(string where) =>
        $"The clock of this node is {Math.Abs(AheadMs)} ms {where} those of the other nodes, and no more than {skewMsMax} ms are taken: it stamps no writes until the clock is right again. Set the clock, and see that it is kept right (NTP).";
}
