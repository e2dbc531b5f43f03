using Exapyte.Keyspaces;

namespace Exapyte.Wire;

/// <summary>Owns the settings and the shard map of one keyspace; its key is the keyspace's name.</summary>
[Alias("exapyte.keyspace")]
public interface IKeyspaceGrain : IGrainWithStringKey
{
    /// <summary>Creates the keyspace or changes its settings. Returns once a quorum of every shard's nodes hosts it.</summary>
    [Alias("put")]
    Task<KeyspaceReply> Put(KeyspaceSettings settings);

    /// <summary>The keyspace, if it exists.</summary>
    [Alias("get")]
    Task<KeyspaceReply> Get();

    /// <summary>
    /// Deletes the keyspace and everything in it. Ok once that is decided for good and the nodes in reach have retired its
    /// replicas. A node out of reach goes on serving whoever reaches it until it hears of the deletion, which is the first thing
    /// it asks for when it is back; what it took meanwhile is gone with the rest, and never part of a keyspace of the same name
    /// that was created since.
    /// </summary>
    [Alias("delete")]
    Task<KeyspaceReply> Delete();

    /// <summary>
    /// Splits the shard of a key there: what lies from the key on becomes a shard of its own, on the same nodes. Returns once that
    /// is decided for good; it happens a moment later.
    /// </summary>
    /// <param name="key">The first key of the new shard.</param>
    [Alias("split")]
    Task<SplitReply> Split(byte[] key);

    /// <summary>
    /// The current map for a node or client that knows the keyspace by its id: null if that keyspace no longer exists
    /// (also where the name now belongs to another one). Null is never a guess: it has been read from the database.
    /// </summary>
    /// <exception cref="ControlPlaneUnavailableException">The database is out of reach, so nobody knows.</exception>
    [Alias("current-map")]
    Task<KeyspaceMap?> CurrentMap(long keyspaceId);
}

/// <summary>How a command on a keyspace ended.</summary>
public enum KeyspaceOutcome : byte
{
    /// <summary>Read, changed or deleted.</summary>
    Ok = 0,

    /// <summary>Created.</summary>
    Created = 1,

    /// <summary>There is no such keyspace.</summary>
    NotFound = 2,

    /// <summary>The name or settings are not acceptable; every reason is given.</summary>
    Invalid = 3,

    /// <summary>The change contradicts the keyspace as it is; every reason is given.</summary>
    Conflict = 4,

    /// <summary>Nodes or the control-plane database were out of reach; what was begun is completed later.</summary>
    Unavailable = 5,
}

/// <summary>The answer to a command on a keyspace.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.keyspace-reply")]
public sealed class KeyspaceReply
{
    /// <summary>How it ended.</summary>
    [Id(0)]
    public required KeyspaceOutcome Outcome { get; init; }

    /// <summary>The keyspace's map, where there is one.</summary>
    [Id(1)]
    public KeyspaceMap? Map { get; init; }

    /// <summary>Every reason against it.</summary>
    [Id(2)]
    public string[] Reasons { get; init; } = [];

    /// <summary>Where it is Unavailable: whether the command may have been carried out, or may be yet. Repeating it converges.</summary>
    [Id(3)]
    public bool InDoubt { get; init; }
}
