using System.Text;

namespace Exapyte.Client;

/// <summary>A key: text, kept as UTF-8, or any bytes; 1 to 1,024 of them. Equal by its bytes. Immutable.</summary>
public readonly struct EntryKey : IEquatable<EntryKey>
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>A key of text.</summary>
    /// <exception cref="ArgumentException">The text has half of a surrogate pair, which UTF-8 cannot hold.</exception>
    public EntryKey(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Bytes = Utf8.GetBytes(text);
    }

    /// <summary>A key of bytes, which must not change any more.</summary>
    public EntryKey(ReadOnlyMemory<byte> bytes) => Bytes = bytes;

    /// <summary>The key's bytes.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>A key of text.</summary>
    public static implicit operator EntryKey(string text) => new(text);

    /// <summary>A key of bytes.</summary>
    public static implicit operator EntryKey(byte[] bytes) => new(bytes);

    /// <summary>A key of bytes.</summary>
    public static implicit operator EntryKey(ReadOnlyMemory<byte> bytes) => new(bytes);

    /// <summary>Whether the keys are the same.</summary>
    public static bool operator ==(EntryKey left, EntryKey right) => left.Equals(right);

    /// <summary>Whether the keys differ.</summary>
    public static bool operator !=(EntryKey left, EntryKey right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(EntryKey other) => Bytes.Span.SequenceEqual(other.Bytes.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is EntryKey other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => new KeyBytes(Bytes).GetHashCode();

    /// <summary>The key as text; <c>base64:</c> and its bytes where they are no UTF-8.</summary>
    public override string ToString()
    {
        try
        {
            return Utf8.GetString(Bytes.Span);
        }
        catch (DecoderFallbackException)
        {
            return $"base64:{Convert.ToBase64String(Bytes.Span)}";
        }
    }
}
