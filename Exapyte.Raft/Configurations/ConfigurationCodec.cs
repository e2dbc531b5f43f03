using System.Diagnostics.CodeAnalysis;

namespace Exapyte.Raft;

/// <summary>x</summary>
public static class ConfigurationCodec
{
    /// <summary>x</summary>
    public static byte[] Encode(Configuration configuration) => throw new NotSupportedException();

    /// <summary>x</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out Configuration? configuration) =>
        throw new NotSupportedException();
}

/// <summary>x</summary>
public static class ConfigurationChangeCodec
{
    /// <summary>x</summary>
    public static byte[] Encode(ConfigurationChange change) => throw new NotSupportedException();

    /// <summary>x</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out ConfigurationChange? change) =>
        throw new NotSupportedException();
}
