using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Exapyte.Gateway.Routing;

/// <summary>
/// Gives the same string for the same few characters, so that a hot keyspace's name is allocated once. Direct-mapped and
/// bounded: a new name displaces the one in its slot. Thread-safe.
/// </summary>
internal sealed class NameCache
{
    private const int Slots = 1_024;

    private readonly string?[] names = new string?[Slots];

    /// <summary>The characters as a string.</summary>
    public string Get(ReadOnlySpan<char> name)
    {
        var slot = (int)(XxHash3.HashToUInt64(MemoryMarshal.AsBytes(name)) % Slots);
        var cached = Volatile.Read(ref names[slot]);
        if (cached is not null && name.SequenceEqual(cached))
        {
            return cached;
        }
        var added = name.ToString();
        Volatile.Write(ref names[slot], added);
        return added;
    }
}
