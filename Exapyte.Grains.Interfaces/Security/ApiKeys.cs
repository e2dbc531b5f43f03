namespace Exapyte.Security;

/// <summary>What a grant allows.</summary>
[Flags]
public enum KeyRights : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Reads of entries.</summary>
    Read = 1,

    /// <summary>Writes of entries, deletes among them.</summary>
    Write = 2,

    /// <summary>Without a prefix: settings, backups and restores; with every keyspace also nodes and keys.</summary>
    Admin = 4,
}

/// <summary>Where a key may do what.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.key-grant")]
public sealed record KeyGrant
{
    /// <summary>In place of a keyspace's name: all of them, those to come too.</summary>
    public const string EveryKeyspace = "*";

    /// <summary>The keyspace's name, or <see cref="EveryKeyspace"/>.</summary>
    [Id(0)]
    public required string Keyspace { get; init; }

    /// <summary>What every key must begin with; empty: the whole keyspace.</summary>
    [Id(1)]
    public ReadOnlyMemory<byte> Prefix { get; init; }

    /// <summary>What is allowed there.</summary>
    [Id(2)]
    public required KeyRights Allow { get; init; }

    /// <summary>Whether the grant allows the right at a key, or everywhere below a prefix: both must begin with its own.</summary>
    public bool Covers(KeyRights right, string keyspace, ReadOnlySpan<byte> keyOrPrefix) =>
        Concerns(right, keyspace) && keyOrPrefix.StartsWith(Prefix.Span);

    /// <summary>Whether the grant allows the right on some key of the keyspace.</summary>
    public bool Concerns(KeyRights right, string keyspace) =>
        (Allow & right) == right && (Keyspace == EveryKeyspace || Keyspace == keyspace);
}

/// <summary>A key as it is remembered: without its secret.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.api-key")]
public sealed record ApiKey
{
    /// <summary>Names the key; never used twice.</summary>
    [Id(0)]
    public required string Id { get; init; }

    /// <summary>What people call it.</summary>
    [Id(1)]
    public required string Name { get; init; }

    /// <summary>SHA-256 of the secret's 32 bytes.</summary>
    [Id(2)]
    public required ReadOnlyMemory<byte> SecretHash { get; init; }

    /// <summary>When it was made, in Unix milliseconds.</summary>
    [Id(3)]
    public long CreatedMs { get; init; }

    /// <summary>When it ends, in Unix milliseconds; 0: it does not.</summary>
    [Id(4)]
    public long ExpiresMs { get; init; }

    /// <summary>Most requests a second on each node; 0: no bound.</summary>
    [Id(5)]
    public int RequestsPerSecond { get; init; }

    /// <summary>What it may do.</summary>
    [Id(6)]
    public required KeyGrant[] Grants { get; init; }
}

/// <summary>All keys at one time. Every change raises the epoch; a node takes only a ring of a higher one.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.key-ring")]
public sealed record KeyRing
{
    /// <summary>Rises with every change; 0 before the first key.</summary>
    [Id(0)]
    public required long Epoch { get; init; }

    /// <summary>The keys that are in force, by id.</summary>
    [Id(1)]
    public required ApiKey[] Keys { get; init; }

    /// <summary>The key with the id; null where there is none.</summary>
    public ApiKey? Find(string id) => Array.Find(Keys, key => key.Id == id);
}
