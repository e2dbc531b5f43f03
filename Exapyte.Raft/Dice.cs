namespace Exapyte.Raft;

/// <summary>
/// All chance of one member: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
/// The id is mixed in so that members with one seed do not campaign in step.
/// </summary>
sealed class Dice(ulong seed, MemberId id)
{
    ulong state = Mix(seed + (id.Value * 0x9E37_79B9_7F4A_7C15));

    /// <summary>A number from [0, <paramref name="exclusive"/>).</summary>
    public int Next(int exclusive)
    {
        state += 0x9E37_79B9_7F4A_7C15;
        // The high half of the product spreads evenly enough: ranges here are tiny beside 2^64.
        return (int)Math.BigMul(Mix(state), (ulong)exclusive, out _);
    }

    static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }
}
