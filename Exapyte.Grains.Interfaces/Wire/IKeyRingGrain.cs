using Exapyte.Security;

namespace Exapyte.Wire;

/// <summary>
/// Owns the keys that callers authenticate with. One grain, key 0. Where its database is out of reach its calls throw
/// <see cref="ControlPlaneUnavailableException"/>.
/// </summary>
[Alias("exapyte.key-ring-grain")]
public interface IKeyRingGrain : IGrainWithIntegerKey
{
    /// <summary>The ring where it is not the one of this epoch; null where it is: then nothing has changed.</summary>
    [Alias("since")]
    ValueTask<KeyRing?> Since(long epoch);

    /// <summary>Adds a key; idempotent for the same id and hash.</summary>
    [Alias("add")]
    Task<KeyReply> Add(ApiKey key);

    /// <summary>Takes a key out of force.</summary>
    [Alias("revoke")]
    Task<KeyReply> Revoke(string id);

    /// <summary>
    /// Makes the root key where there never was one. With <paramref name="replace"/> also in the place of the one there is,
    /// unless this hash was a root key's before: an old one does not come back.
    /// </summary>
    [Alias("ensure-root")]
    Task<KeyReply> EnsureRoot(byte[] secretHash, bool replace);
}

/// <summary>How a command on the keys ended.</summary>
public enum KeyOutcome : byte
{
    /// <summary>Done.</summary>
    Ok = 0,

    /// <summary>There is no such key; or, of a root key, there is another one and it stays.</summary>
    NotFound = 1,

    /// <summary>Refused; every reason is given and nothing changed.</summary>
    Refused = 2,

    /// <summary>The control plane is out of reach: it may or may not have been done.</summary>
    Unavailable = 3,
}

/// <summary>The answer to a command on the keys.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.key-reply")]
public sealed class KeyReply
{
    /// <summary>How it ended.</summary>
    [Id(0)]
    public required KeyOutcome Outcome { get; init; }

    /// <summary>Live nodes that have not confirmed the change yet; they ask for it themselves several times a second.</summary>
    [Id(1)]
    public string[] Unconfirmed { get; init; } = [];

    /// <summary>Every reason against it.</summary>
    [Id(2)]
    public string[] Reasons { get; init; } = [];
}

/// <summary>Takes keys for the node that it is pinned to; its key is <see cref="Topology.NodeKey.Of"/>.</summary>
[Alias("exapyte.node-keys")]
public interface INodeKeysGrain : IGrainWithStringKey
{
    /// <summary>Takes a ring; the epoch that the node checks by from now on. Idempotent.</summary>
    [Alias("apply")]
    ValueTask<long> Apply(KeyRing ring);
}
