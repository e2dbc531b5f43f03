using System.Buffers.Binary;
using System.Text;
using Exapyte.Storage.Stores;

namespace Exapyte.Storage.Tests.Stores;

/// <summary>Short words for the entries that the tests of the stores use.</summary>
internal static class Entries
{
    public const long WrittenMs = 1_728_000_000_000;

    public static byte[] Key(string text) => Encoding.UTF8.GetBytes(text);

    public static byte[] Key(int number)
    {
        byte[] key = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(key, number);
        return key;
    }

    public static StoredEntry Entry(
        string value,
        ulong revision = 1,
        long expiresMs = 0,
        long modifiedMs = WrittenMs
    ) => Entry(Encoding.UTF8.GetBytes(value), revision, expiresMs, modifiedMs);

    public static StoredEntry Entry(
        byte[] value,
        ulong revision = 1,
        long expiresMs = 0,
        long modifiedMs = WrittenMs
    ) => new(new EntryVersion(revision, 0), modifiedMs, expiresMs, EntryFlags.None, "", value);

    public static StoredEntry Tombstone(ulong revision = 1, long expiresMs = 0) =>
        Entry("", revision, expiresMs) with
        {
            Flags = EntryFlags.Tombstone,
        };

    public static string Text(this in StoredEntry entry) => Encoding.UTF8.GetString(entry.Value.Span);

    public static string? Text(this IShardStore store, string key) =>
        store.TryGet(Key(key), out StoredEntry entry) ? entry.Text() : null;

    public static List<KeyedEntry> All(this IShardStore store, KeyRange? range = null, bool reverse = false)
    {
        var all = new List<KeyedEntry>();
        using IStoreScan scan = store.Scan(range ?? KeyRange.All, reverse);
        while (scan.MoveNext())
            all.Add(new KeyedEntry(scan.CurrentKey.ToArray(), scan.Current));
        return all;
    }

    public static List<string> Keys(this IShardStore store, KeyRange? range = null, bool reverse = false) =>
        [.. store.All(range, reverse).Select(keyed => Encoding.UTF8.GetString(keyed.Key.Span))];

    /// <summary>Everything of an entry as one text, for comparisons that say what differs.</summary>
    public static string Describe(ReadOnlySpan<byte> key, in StoredEntry entry) =>
        $"{Convert.ToHexString(key)}={entry.Version.Revision}.{entry.Version.Origin} m{entry.ModifiedMs} "
        + $"e{entry.ExpiresMs} {entry.Flags} '{entry.ContentType}' {Convert.ToHexString(entry.Value.Span)}";

    public static List<string> Describe(this IShardStore store, KeyRange? range = null, bool reverse = false) =>
        [.. store.All(range, reverse).Select(keyed => Describe(keyed.Key.Span, keyed.Entry))];
}
