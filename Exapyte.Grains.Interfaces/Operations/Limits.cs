namespace Exapyte.Operations;

/// <summary>What the service accepts at most, unless a setting lowers it.</summary>
public static class Limits
{
    /// <summary>Longest key, in bytes.</summary>
    public const int KeyBytesMax = 1_024;

    /// <summary>Largest value, in bytes.</summary>
    public const int ValueBytesMax = 1 << 20;

    /// <summary>Most items in one batch request.</summary>
    public const int BatchItemsMax = 1_000;

    /// <summary>Largest batch request, in bytes of keys and values.</summary>
    public const int BatchBytesMax = 4 << 20;

    /// <summary>Most entries in one page of a listing.</summary>
    public const int PageEntriesMax = 1_000;

    /// <summary>Entries in a page where the caller names no limit.</summary>
    public const int PageEntriesDefault = 100;

    /// <summary>Bytes of keys and values after which a page ends early.</summary>
    public const int PageBytesMax = 4 << 20;

    /// <summary>Largest batch on the wire between two nodes or from a client to a replica, in bytes.</summary>
    public const int WireBatchBytesMax = 1 << 20;

    /// <summary>Longest request id, in characters.</summary>
    public const int RequestIdCharsMax = 128;

    /// <summary>Longest content type, in characters.</summary>
    public const int ContentTypeCharsMax = 255;

    /// <summary>Longest lifetime of an entry, in milliseconds: ten years.</summary>
    public const long TtlMsMax = 10L * 366 * 24 * 3_600 * 1_000;

    /// <summary>Latest moment at which an entry may be told to end, Unix milliseconds: the end of the year 9999.</summary>
    public const long ExpiresAtMsMax = 253_402_300_799_999;

    /// <summary>Largest quota of entries, and of bytes.</summary>
    public const long QuotaMax = 1L << 60;

    /// <summary>Most shards in a keyspace.</summary>
    public const int ShardsMax = 1_024;

    /// <summary>Most replicas of a shard.</summary>
    public const int ReplicasMax = 9;
}
