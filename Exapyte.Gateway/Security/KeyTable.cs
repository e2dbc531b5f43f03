using System.Collections.Frozen;
using System.Security.Cryptography;
using Exapyte.Security;

namespace Exapyte.Gateway.Security;

/// <summary>A key as requests are checked by it.</summary>
/// <param name="Caller">Who shows it.</param>
/// <param name="SecretHash">What its secret must hash to.</param>
/// <param name="ExpiresMs">When it ends, in Unix milliseconds; 0: it does not.</param>
/// <param name="Rate">How often it may be used; null: as often as it likes.</param>
internal sealed record KeyEntry(Caller Caller, byte[] SecretHash, long ExpiresMs, KeyRate? Rate);

/// <summary>A ring of keys made ready for checking. Immutable but for its rates; swapped whole.</summary>
internal sealed class KeyTable
{
    // Hashed and compared as any other, so that an unknown id takes as long as a wrong secret. No secret hashes to it.
    private static readonly KeyEntry Unknown = new(
        Caller.Nobody,
        RandomNumberGenerator.GetBytes(KeySecret.Bytes),
        0,
        null
    );

    private readonly FrozenDictionary<string, KeyEntry> entries;
    private readonly FrozenDictionary<string, KeyEntry>.AlternateLookup<ReadOnlySpan<char>> byId;

    private KeyTable(long epoch, FrozenDictionary<string, KeyEntry> entries)
    {
        Epoch = epoch;
        this.entries = entries;
        byId = entries.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The ring's epoch.</summary>
    public long Epoch { get; }

    /// <summary>Makes a table of a ring; a key whose rate is as before goes on counting where it was.</summary>
    public static KeyTable Of(KeyRing ring, KeyTable? before, TimeProvider time) =>
        new(
            ring.Epoch,
            ring.Keys.ToFrozenDictionary(
                key => key.Id,
                key => new KeyEntry(
                    new(key.Id, key.Grants),
                    key.SecretHash.ToArray(),
                    key.ExpiresMs,
                    RateOf(key, before, time)
                ),
                StringComparer.Ordinal
            )
        );

    /// <summary>The key that <c>id.secret</c> shows, whether it has expired or not; null where it shows none.</summary>
    public KeyEntry? Find(ReadOnlySpan<char> token)
    {
        var dot = token.IndexOf('.');
        if (dot < 0)
        {
            return null;
        }
        Span<byte> hash = stackalloc byte[KeySecret.Bytes];
        var isSecret = KeySecret.TryHash(token[(dot + 1)..], hash);
        var entry = ComparedWith(token[..dot]);
        return CryptographicOperations.FixedTimeEquals(hash, entry.SecretHash) & isSecret ? entry : null;
    }

    /// <summary>The key whose hash a secret is compared with: for an id that is unknown one that no secret hashes to.</summary>
    internal KeyEntry ComparedWith(ReadOnlySpan<char> id) => byId.TryGetValue(id, out var found) ? found : Unknown;

    private static KeyRate? RateOf(ApiKey key, KeyTable? before, TimeProvider time)
    {
        if (key.RequestsPerSecond == 0)
        {
            return null;
        }
        var known = before?.entries.GetValueOrDefault(key.Id)?.Rate;
        return known is not null && known.PerSecond == key.RequestsPerSecond ? known : new(key.RequestsPerSecond, time);
    }
}
