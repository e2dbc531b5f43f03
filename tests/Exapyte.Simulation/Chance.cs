namespace Exapyte.Simulation;

/// <summary>
/// All chance of a run: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). The same
/// seed gives the same numbers on every machine and runtime.
/// </summary>
internal sealed class Chance(ulong seed)
{
    private ulong state = seed;

    public ulong Next()
    {
        state += 0x9E37_79B9_7F4A_7C15;
        var z = state;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number from [0, <paramref name="exclusive"/>).</summary>
    public int Below(int exclusive) => (int)Math.BigMul(Next(), (ulong)exclusive, out _);

    /// <summary>A number from [<paramref name="from"/>, <paramref name="through"/>].</summary>
    public int Between(int from, int through) => from + Below(through - from + 1);

    public long Between(long from, long through) =>
        from + (long)Math.BigMul(Next(), (ulong)(through - from + 1), out _);

    public bool Percent(int percent) => Below(100) < percent;

    public bool OneIn(int number) => Below(number) == 0;

    public T Of<T>(IReadOnlyList<T> things) => things[Below(things.Count)];

    /// <summary>A generator of its own, so that more dice here do not change those thrown there.</summary>
    public Chance Fork() => new(Next());
}
