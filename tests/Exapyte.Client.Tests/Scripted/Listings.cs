using CsCheck;
using Exapyte.Operations;

namespace Exapyte.Client.Tests.Scripted;

/// <summary>Random listings, their walk page by page, and what a sorted list has in their place.</summary>
internal static class Listings
{
    public static readonly Comparer<byte[]> ByBytes = Comparer<byte[]>.Create(
        static (left, right) => left.AsSpan().SequenceCompareTo(right)
    );

    public static readonly Gen<byte> Letters = Gen.Int[0, 5].Select(i => new byte[] { 0, 1, 97, 98, 254, 255 }[i]);

    /// <summary>Short keys of few different bytes, the greatest among them: neighbours, prefixes and ends come often.</summary>
    public static readonly Gen<byte[]> Keys = Letters.Array[1, 4];

    public static readonly Gen<byte[]> Bounds = Letters.Array[0, 3];

    public static readonly Gen<ScanQuery> Queries = Gen.Select(
        Bounds,
        Gen.Select(Bounds, Gen.Bool, (bytes, open) => open ? null : bytes),
        Gen.Select(Bounds, Gen.Bool, (bytes, none) => none ? [] : bytes),
        Gen.Bool,
        Gen.Int[1, 12],
        (start, end, prefix, reverse, limit) =>
            new ScanQuery
            {
                Start = start,
                End = end is null ? default(ReadOnlyMemory<byte>?) : end,
                Prefix = prefix,
                Reverse = reverse,
                EntriesMax = limit,
            }
    );

    public static async Task<List<byte[]>> ListAsync(OpenedKeyspace client, ScanQuery query)
    {
        List<byte[]> listed = [];
        while (true)
        {
            var page = await client.Scan(query);
            Assert.Equal(OutcomeKind.Ok, page.Kind);
            Assert.True(page.Entries.Count <= query.EntriesMax);
            listed.AddRange(page.Entries.Select(entry => entry.Key.ToArray()));
            if (!page.More)
            {
                return listed;
            }
            Assert.Equal(query.EntriesMax, page.Entries.Count);
            query = query with { After = page.Entries[^1].Key };
        }
    }

    public static async Task<List<string>> ListFoldedAsync(OpenedKeyspace client, ScanQuery query)
    {
        List<string> listed = [];
        while (true)
        {
            var page = await client.Scan(query);
            Assert.Equal(OutcomeKind.Ok, page.Kind);
            Assert.True(page.Entries.Count + page.Prefixes.Count <= query.EntriesMax);
            listed.AddRange(
                page.InOrder(query.Reverse).Select(one => Folded(one.Key.Span, isPrefix: one.Entry is null))
            );
            if (!page.More)
            {
                return listed;
            }
            query = query with { After = page.Last(query.Reverse) };
        }
    }

    public static List<string> ExpectedFolded(byte[][] keys, ScanQuery query) =>
        [
            .. Expected(keys, query)
                .Select(key =>
                {
                    var at = key.AsSpan(query.Prefix.Length).IndexOf(query.Delimiter.Span);
                    return at < 0
                        ? Folded(key, isPrefix: false)
                        : Folded(key.AsSpan(0, query.Prefix.Length + at + query.Delimiter.Length), isPrefix: true);
                })
                .Distinct(StringComparer.Ordinal),
        ];

    private static string Folded(ReadOnlySpan<byte> key, bool isPrefix) =>
        (isPrefix ? "all of " : "") + Convert.ToHexString(key);

    public static List<byte[]> Expected(byte[][] keys, ScanQuery query)
    {
        var inRange = new SortedSet<byte[]>(keys, ByBytes).Where(key =>
            key.AsSpan().SequenceCompareTo(query.Start.Span) >= 0
            && (query.End is not { } end || key.AsSpan().SequenceCompareTo(end.Span) < 0)
            && key.AsSpan().StartsWith(query.Prefix.Span)
        );
        return [.. query.Reverse ? inRange.Reverse() : inRange];
    }
}
