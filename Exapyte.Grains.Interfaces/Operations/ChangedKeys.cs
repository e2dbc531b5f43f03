namespace Exapyte.Operations;

/// <summary>Keys of a shard whose entries were written, deleted or have ended: what is kept of them elsewhere is too old.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.changed-keys")]
public sealed class ChangedKeys
{
    /// <summary>The keyspace.</summary>
    [Id(0)]
    public required long KeyspaceId { get; init; }

    /// <summary>The shard.</summary>
    [Id(1)]
    public required long ShardId { get; init; }

    /// <summary>The keys; empty: any of the shard.</summary>
    [Id(2)]
    public required ReadOnlyMemory<byte>[] Keys { get; init; }

    /// <summary>One a key: what is of an earlier version is too old.</summary>
    [Id(3)]
    public required VersionStamp[] Versions { get; init; }
}
