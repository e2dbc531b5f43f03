namespace Exapyte.Queries.Documents;

/// <summary>An entry as expressions see it. Its buffers must stay as they are while values of it are in use.</summary>
public readonly record struct EntryView
{
    /// <summary>The key.</summary>
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>The value: its JSON is <c>doc</c>, where it is JSON.</summary>
    public required ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>The version's text.</summary>
    public required string Version { get; init; }

    /// <summary>The media type; empty where none was given.</summary>
    public string ContentType { get; init; }

    /// <summary>When it was last written, Unix milliseconds.</summary>
    public long ModifiedMs { get; init; }

    /// <summary>When it expires, Unix milliseconds; 0 for never.</summary>
    public long ExpiresMs { get; init; }
}
