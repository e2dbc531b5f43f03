using System.Security.Cryptography;
using System.Text;
using Bogus;

namespace Exapyte.Testing.Processes;

/// <summary>
/// A value that tells by itself whether it is whole and where it belongs: one line with key, sequence number, length and
/// checksum, then the payload. Half of one value, two halves of two, or the value of another key do not verify.
/// </summary>
public static class SelfVerifyingValue
{
    const string Magic = "exapyte-value";
    const int PayloadBytesMax = 4_096;

    /// <summary>The payload's size and contents come from <paramref name="faker"/>, so that its seed repeats them.</summary>
    public static byte[] Create(Faker faker, string key, long sequence) =>
        Create(
            key,
            sequence,
            faker.Random.Bool()
                ? Encoding.UTF8.GetBytes(faker.Lorem.Sentence(faker.Random.Int(1, 40)))
                : faker.Random.Bytes(faker.Random.Int(0, PayloadBytesMax))
        );

    /// <summary>A value with a payload of the caller's choice, for instance a large one.</summary>
    public static byte[] Create(string key, long sequence, byte[] payload)
    {
        var header = $"{Magic} {key} {sequence} {payload.Length}";
        var checksum = Checksum(header, payload);
        return [.. Encoding.UTF8.GetBytes($"{header} {checksum}\n"), .. payload];
    }

    /// <summary>The sequence number, or null where the bytes are not one whole value of this key.</summary>
    public static long? Read(string key, ReadOnlySpan<byte> value)
    {
        var end = value.IndexOf((byte)'\n');
        if (end < 0)
            return null;
        var payload = value[(end + 1)..];
        var parts = Encoding.UTF8.GetString(value[..end]).Split(' ');
        if (parts is not [Magic, var ownKey, var sequence, var length, var checksum])
            return null;
        var whole =
            ownKey == key
            && length == $"{payload.Length}"
            && checksum == Checksum($"{Magic} {ownKey} {sequence} {length}", payload);
        return whole && long.TryParse(sequence, out var number) ? number : null;
    }

    static string Checksum(string header, ReadOnlySpan<byte> payload)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(header));
        hash.AppendData(payload);
        return Convert.ToHexString(hash.GetHashAndReset().AsSpan(0, 16));
    }
}
