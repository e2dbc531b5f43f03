using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Reads a store piece by piece in key order. Every piece opens a scan of its own, so that none keeps old files for long;
/// every row's checksum is verified on the way. Pure but for the store.
/// </summary>
internal static class StampPages
{
    /// <summary>Rows after which a piece ends.</summary>
    public const int RowsMax = 2_000;

    /// <summary>Bytes after which a piece ends.</summary>
    public const int BytesMax = 4 << 20;

    private const int StampsMax = 1_000;

    /// <summary>A page of the stamps that a replica holds.</summary>
    /// <param name="store">What it holds.</param>
    /// <param name="terms">The terms.</param>
    /// <param name="leaves">The leaves whose keys are wanted, rising; null: all.</param>
    /// <param name="start">The first key that may be in it.</param>
    /// <param name="end">The key before which it ends; null: none.</param>
    public static StampPage Read(
        IShardStore store,
        in ComparisonTerms terms,
        ushort[]? leaves,
        ReadOnlyMemory<byte> start,
        ReadOnlyMemory<byte>? end
    )
    {
        List<KeyStamp> stamps = [];
        long bytes = 0;
        using var scan = store.Scan(new(start, end), reverse: false);
        for (var rows = 0; scan.MoveNext(); rows++)
        {
            if (rows == RowsMax || bytes >= BytesMax || stamps.Count == StampsMax)
            {
                return new(stamps, scan.CurrentKey.ToArray(), bytes);
            }
            var entry = scan.Current;
            bytes += scan.CurrentKey.Length + entry.Value.Length;
            if (leaves is null || Array.BinarySearch(leaves, ShardDigest.LeafOf(scan.CurrentKey)) >= 0)
            {
                stamps.Add(
                    new()
                    {
                        Key = scan.CurrentKey.ToArray(),
                        Version = new(entry.Version.Revision, entry.Version.Origin),
                        Content = ShardDigest.ContentOf(entry, terms),
                        ValueBytes = entry.Value.Length,
                        IsLeftOut = ShardDigest.IsLeftOut(entry, terms),
                    }
                );
            }
        }
        return new(stamps, null, bytes);
    }

    /// <summary>Adds a piece of the store to a digest.</summary>
    /// <param name="store">The store.</param>
    /// <param name="terms">The terms.</param>
    /// <param name="leaves">The digest's leaves.</param>
    /// <param name="start">The first key of the piece.</param>
    /// <returns>Where the next piece begins, null at the end, and how many bytes were read.</returns>
    public static (ReadOnlyMemory<byte>? Next, long Bytes) Digest(
        IShardStore store,
        in ComparisonTerms terms,
        Span<ulong> leaves,
        ReadOnlyMemory<byte> start
    )
    {
        long bytes = 0;
        using var scan = store.Scan(new(start, null), reverse: false);
        for (var rows = 0; scan.MoveNext(); rows++)
        {
            if (rows == RowsMax || bytes >= BytesMax)
            {
                return (scan.CurrentKey.ToArray(), bytes);
            }
            var entry = scan.Current;
            bytes += scan.CurrentKey.Length + entry.Value.Length;
            ShardDigest.Add(leaves, scan.CurrentKey, entry, terms);
        }
        return (null, bytes);
    }
}

/// <summary>A page of stamps.</summary>
/// <param name="Stamps">The stamps.</param>
/// <param name="Next">Where the next one begins; null where this is the last.</param>
/// <param name="Bytes">Bytes that were read for it.</param>
internal readonly record struct StampPage(List<KeyStamp> Stamps, ReadOnlyMemory<byte>? Next, long Bytes);
