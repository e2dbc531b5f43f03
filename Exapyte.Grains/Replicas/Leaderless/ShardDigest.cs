using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// What a replica holds, as one number for each of <see cref="LeavesCount"/> leaves: the sum of the hashes of the entries
/// whose keys fall into it. A sum does not depend on the order, and every entry changes it.
/// </summary>
/// <remarks>
/// A hash tree of one level (Merkle 1987; as DeCandia et al., Dynamo, 2007, section 4.7 use it between replicas): its
/// leaves take 8 KiB, which travels at once, so that there is nothing to gain from a second level.
/// </remarks>
internal static class ShardDigest
{
    /// <summary>Leaves of a digest.</summary>
    public const int LeavesCount = 1_024;

    // Another seed than the one that places keys in shards: the keys of one shard have a part of those hashes in common.
    private const long LeafSeed = 0x4578_6170_7974_6501;

    /// <summary>The leaf of a key.</summary>
    public static ushort LeafOf(ReadOnlySpan<byte> key) => (ushort)(XxHash3.HashToUInt64(key, LeafSeed) % LeavesCount);

    /// <summary>Adds an entry, unless the terms leave it out.</summary>
    public static void Add(Span<ulong> leaves, ReadOnlySpan<byte> key, in StoredEntry entry, in ComparisonTerms terms)
    {
        if (!IsLeftOut(entry, terms))
        {
            Span<byte> both = stackalloc byte[2 * sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(both, XxHash3.HashToUInt64(key));
            BinaryPrimitives.WriteUInt64LittleEndian(both[8..], ContentOf(entry, terms));
            unchecked
            {
                leaves[LeafOf(key)] += XxHash3.HashToUInt64(both);
            }
        }
    }

    /// <summary>Whether the terms leave an entry out: it is too young, or one replica may have swept it already.</summary>
    public static bool IsLeftOut(in StoredEntry entry, in ComparisonTerms terms) =>
        (entry.Version.Revision > terms.RevisionMax && (terms.AheadMin == 0 || entry.Version.Revision < terms.AheadMin))
        || (entry.IsTombstone && entry.ModifiedMs <= terms.SweptMs)
        || (entry.ExpiresMs != 0 && entry.ExpiresMs <= terms.SweptMs);

    /// <summary>
    /// A hash of all of an entry but its key. Of what is gone only the version counts: a replica that is short of memory
    /// keeps no more of it.
    /// </summary>
    public static ulong ContentOf(in StoredEntry entry, in ComparisonTerms terms)
    {
        Span<byte> head = stackalloc byte[(6 * sizeof(ulong)) + 1];
        BinaryPrimitives.WriteUInt64LittleEndian(head, entry.Version.Revision);
        BinaryPrimitives.WriteUInt64LittleEndian(head[8..], entry.Version.Origin);
        if (!entry.IsLive(terms.AsOfMs))
        {
            return XxHash3.HashToUInt64(head[..16]);
        }
        BinaryPrimitives.WriteInt64LittleEndian(head[16..], entry.ModifiedMs);
        BinaryPrimitives.WriteInt64LittleEndian(head[24..], entry.ExpiresMs);
        BinaryPrimitives.WriteUInt64LittleEndian(
            head[32..],
            XxHash3.HashToUInt64(MemoryMarshal.AsBytes(entry.ContentType.AsSpan()))
        );
        BinaryPrimitives.WriteUInt64LittleEndian(head[40..], XxHash3.HashToUInt64(entry.Value.Span));
        head[48] = (byte)entry.Flags;
        return XxHash3.HashToUInt64(head);
    }

    /// <summary>The leaves in which two digests differ, rising.</summary>
    public static ushort[] Differences(ReadOnlySpan<ulong> left, ReadOnlySpan<ulong> right)
    {
        List<ushort> differing = [];
        for (var leaf = 0; leaf < LeavesCount; leaf++)
        {
            if (left[leaf] != right[leaf])
            {
                differing.Add((ushort)leaf);
            }
        }
        return [.. differing];
    }
}
