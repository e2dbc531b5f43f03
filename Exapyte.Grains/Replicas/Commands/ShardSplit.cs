using Exapyte.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// What a <see cref="SplitCommand"/> does to a shard's state: the bounds shrink, and the new shard's rows are written beside it,
/// under the same prefix and in the same batch, so that both are there or neither. No entry moves.
/// </summary>
/// <remarks>
/// The new group's log begins behind <see cref="BaseIndex"/>, as if a snapshot had been installed there: a member that was not
/// made by the split is sent one. Everything that the new shard must remember of the time before goes along: the revision, so that
/// versions go on rising; log time; the request ids, all of them, since a retried request may name keys of both.
/// </remarks>
internal static class ShardSplit
{
    /// <summary>The index that a new shard's state is at.</summary>
    public const ulong BaseIndex = 1;

    /// <summary>The term of that index; elections come after it.</summary>
    public const ulong BaseTerm = 1;

    /// <summary>Bytes of copied rows that are written at once.</summary>
    private const long CopiedBytesMax = 4 << 20;

    /// <summary>Rows that are copied: what is known of requests, and how old that is.</summary>
    private static readonly byte[][] CopiedRows =
    [
        [(byte)'r'],
        [(byte)'q'],
        [(byte)'i'],
        [(byte)'t'],
    ];

    /// <summary>Whether the shard is as it was when the command was proposed, and has the key inside.</summary>
    /// <param name="split">The command.</param>
    /// <param name="ownership">Which keys are the shard's.</param>
    /// <param name="configuration">The group's configuration; null: the one that it was created with.</param>
    public static bool IsPossible(SplitCommand split, ShardOwnership? ownership, Configuration? configuration) =>
        ownership is not null
        && ownership.Generation == split.Generation
        && (configuration?.Index ?? LogIndex.Zero) == split.ConfigurationIndex
        && IsInside(ownership.Keys, split.Key.Span);

    /// <summary>Whether a range can be cut at a key: neither part may be empty.</summary>
    public static bool IsInside(KeyRange keys, ReadOnlySpan<byte> key) =>
        keys.Contains(key) && !keys.Start.Span.SequenceEqual(key);

    /// <summary>What is left to the shard.</summary>
    public static ShardOwnership Remainder(SplitCommand split, ShardOwnership before) =>
        Part(before, new(before.Keys.Start, split.Key), before.Lineage);

    /// <summary>
    /// Gives the new shard what is known of requests, in batches of their own before the one that makes it: there may be very many.
    /// Where that one never comes these rows are nobody's, and written again with the next try.
    /// </summary>
    /// <param name="split">The command.</param>
    /// <param name="store">The store.</param>
    /// <exception cref="StoreFullException">There is no space.</exception>
    public static void CopyRequests(SplitCommand split, IShardStore store)
    {
        var batch = store.NewBatch();
        foreach (var prefix in CopiedRows)
        {
            store.ScanMeta(
                prefix,
                (key, value) =>
                {
                    batch.PutMetaOf(split.ChildShard, key, value);
                    if (batch.Bytes >= CopiedBytesMax)
                    {
                        store.Apply(batch);
                        batch.Clear();
                    }
                    return true;
                }
            );
        }
        store.Apply(batch);
    }

    /// <summary>Writes the new shard's other rows.</summary>
    /// <param name="split">The command.</param>
    /// <param name="shardId">The shard that is split.</param>
    /// <param name="before">Which keys were its own.</param>
    /// <param name="state">What its state is at.</param>
    /// <param name="batch">The batch that applies the command.</param>
    public static void WriteChild(
        SplitCommand split,
        ulong shardId,
        ShardOwnership before,
        in ShardState state,
        StoreBatch batch
    )
    {
        var child = split.ChildShard;
        var ownership = Part(
            before,
            new(split.Key, before.Keys.End),
            [new(shardId, state.Revision), .. before.Lineage]
        );
        Span<byte> row = stackalloc byte[ShardState.RowBytes];
        new ShardState(state.Revision, state.StampMs, new(BaseTerm), state.Revision, ChangeBytes: 0).Encode(row);
        batch.PutMetaOf(child, ShardStateMachine.StateKey, row);
        batch.PutMetaOf(child, ShardStateMachine.OwnershipKey, ownership.Encode());
        batch.PutMetaOf(child, ShardStateMachine.ConfigurationKey, ConfigurationCodec.Encode(split.ChildConfiguration));
        batch.PutAppliedIndexOf(child, BaseIndex);
    }

    private static ShardOwnership Part(ShardOwnership before, KeyRange keys, ShardAncestor[] lineage) =>
        new()
        {
            Generation = before.Generation + 1,
            FirstSlot = before.FirstSlot,
            EndSlot = before.EndSlot,
            PartitionDelimiter = before.PartitionDelimiter,
            Keys = keys,
            Lineage = lineage,
        };
}
