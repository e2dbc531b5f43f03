namespace Exapyte.Client;

/// <summary>A key that is equal to another one by its bytes.</summary>
internal readonly struct KeyBytes(ReadOnlyMemory<byte> bytes) : IEquatable<KeyBytes>
{
    private readonly ReadOnlyMemory<byte> bytes = bytes;

    public int Length => bytes.Length;

    public bool Equals(KeyBytes other) => bytes.Span.SequenceEqual(other.bytes.Span);

    public override bool Equals(object? obj) => obj is KeyBytes other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(bytes.Span);
        return hash.ToHashCode();
    }
}
