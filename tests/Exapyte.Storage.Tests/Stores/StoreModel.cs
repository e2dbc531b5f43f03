using System.Collections.Immutable;
using CsCheck;
using Exapyte.Storage.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

/// <summary>What a shard store must hold: sorted maps, changed in the most obvious way.</summary>
internal sealed record StoreModel(
    ImmutableSortedDictionary<string, StoredEntry> Entries,
    ImmutableSortedDictionary<string, byte[]> Meta,
    ulong AppliedIndex
)
{
    // Hexadecimal text sorts as the bytes do, and compares by value.
    public static readonly StoreModel Empty = new(
        ImmutableSortedDictionary.Create<string, StoredEntry>(StringComparer.Ordinal),
        ImmutableSortedDictionary.Create<string, byte[]>(StringComparer.Ordinal),
        0
    );

    static readonly byte[] KeyBytes = [0, 1, 0x7F, 0xFE, 0xFF];

    public static readonly Gen<byte[]> Keys = Gen.Int[0, KeyBytes.Length - 1].Select(at => KeyBytes[at]).Array[0, 4];

    static readonly Gen<Change> Changes = Gen.Select(
        Gen.Int[0, 9],
        Keys,
        Gen.Byte.Array[0, 40],
        Gen.ULong[0, 1000],
        Gen.Int[0, 2],
        (kind, key, value, revision, expiry) => new Change(kind, key, value, revision, expiry)
    );

    public static readonly Gen<Change[]> Batch = Changes.Array[0, 30];

    public static readonly Gen<KeyRange> Ranges = Gen.OneOf(
        Gen.Const(KeyRange.All),
        Keys.Select(prefix => KeyRange.Prefix(prefix)),
        Gen.Select(Keys, Keys, (start, end) => new KeyRange(start, end)),
        Keys.Select(start => new KeyRange(start, null))
    );

    /// <summary>Applies a batch to a store and to the model.</summary>
    public StoreModel Apply(IShardStore store, StoreBatch batch, IEnumerable<Change> changes)
    {
        batch.Clear();
        StoreModel after = this with { AppliedIndex = AppliedIndex + 1 };
        foreach (Change change in changes)
            after = change.AddTo(batch, after);
        batch.AppliedIndex = after.AppliedIndex;
        store.Apply(batch);
        return after;
    }

    public void AssertHeldBy(IShardStore store)
    {
        Assert.Equal(AppliedIndex, store.AppliedIndex);
        Assert.Equal(Describe(KeyRange.All), store.Describe());
        var meta = new List<string>();
        store.ScanMeta(
            [],
            (key, value) =>
            {
                meta.Add(Convert.ToHexString(key) + "=" + Convert.ToHexString(value));
                return true;
            }
        );
        Assert.Equal(Meta.Select(row => row.Key + "=" + Convert.ToHexString(row.Value)), meta);
    }

    public void AssertScannedBy(IShardStore store, KeyRange range)
    {
        List<string> expected = Describe(range);
        Assert.Equal(expected, store.Describe(range));
        expected.Reverse();
        Assert.Equal(expected, store.Describe(range, reverse: true));
    }

    public void AssertMovedTo(IShardStore store, KeyRange range, byte[] key)
    {
        if (!range.Contains(key))
            return;
        List<string> ahead = Describe(new KeyRange(key, range.End));
        List<string> before = Describe(new KeyRange(range.Start, key));
        before.Reverse();
        foreach ((bool reverse, List<string> expected) in new[] { (false, ahead), (true, before) })
        {
            using IStoreScan scan = store.Scan(range, reverse);
            var found = new List<string>();
            for (bool moved = scan.MoveTo(key); moved; moved = scan.MoveNext())
                found.Add(DescribeEntry(scan.CurrentKey.ToArray(), scan.Current));
            Assert.Equal(expected, found);
        }
    }

    public void AssertReadFrom(IShardStore store, byte[] key)
    {
        bool isThere = Entries.TryGetValue(Convert.ToHexString(key), out StoredEntry expected);
        Assert.Equal(isThere, store.TryGet(key, out StoredEntry entry));
        Assert.Equal(isThere, store.TryGetHeader(key, out StoredEntry header));
        if (!isThere)
            return;
        Assert.Equal(DescribeEntry(key, expected), DescribeEntry(key, entry));
        Assert.Equal(expected.Version, header.Version);
        if (key.Length > 0)
            Assert.Equal(Meta.GetValueOrDefault(Convert.ToHexString(key)), store.GetMeta(key));
    }

    List<string> Describe(KeyRange range) =>
        [
            .. Entries
                .Select(keyed => (Key: Convert.FromHexString(keyed.Key), keyed.Value))
                .Where(keyed => range.Contains(keyed.Key))
                .Select(keyed => DescribeEntry(keyed.Key, keyed.Value)),
        ];

    static string DescribeEntry(byte[] key, in StoredEntry entry) => Stores.Entries.Describe(key, entry);

    /// <summary>One random change: half are puts.</summary>
    internal sealed record Change(int Kind, byte[] Key, byte[] Value, ulong Revision, int Expiry)
    {
        public StoreModel AddTo(StoreBatch batch, StoreModel model)
        {
            string name = Convert.ToHexString(Key);
            switch (Kind)
            {
                case < 5:
                    StoredEntry entry = new(
                        new EntryVersion(Revision, Revision % 3),
                        WrittenMs,
                        Expiry == 0 ? 0 : WrittenMs + (Expiry * 1000),
                        Kind == 0 ? EntryFlags.Tombstone : EntryFlags.None,
                        Kind == 1 ? "application/json" : "",
                        Value
                    );
                    batch.Put(Key, entry, ExpiryIn(model, name));
                    return model with { Entries = model.Entries.SetItem(name, entry) };
                case < 7:
                    batch.Delete(Key, ExpiryIn(model, name));
                    return model with { Entries = model.Entries.Remove(name) };
                case < 9 when Key.Length > 0:
                    batch.PutMeta(Key, Value);
                    return model with { Meta = model.Meta.SetItem(name, Value) };
                default:
                    if (Key.Length == 0)
                        return model;
                    batch.DeleteMeta(Key);
                    return model with { Meta = model.Meta.Remove(name) };
            }
        }

        static long ExpiryIn(StoreModel model, string name) =>
            model.Entries.TryGetValue(name, out StoredEntry entry) ? entry.ExpiresMs : 0;

        public override string ToString() => $"{Kind}:{Convert.ToHexString(Key)}:{Revision}:{Expiry}";
    }
}
