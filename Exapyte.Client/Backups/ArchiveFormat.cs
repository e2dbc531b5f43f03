using System.Numerics;
using System.Text.Json;
using System.Text.Json.Serialization;
using Exapyte.Keyspaces;
using Exapyte.Wire;

namespace Exapyte.Client.Backups;

/// <summary>
/// The archive of a keyspace: <see cref="Magic"/>, a header, blocks, a trailer, and nothing behind it. Each of these is a
/// frame: kind (1 byte), length of the payload (4), payload, CRC-32C (4) over all three. Numbers are little-endian.
/// <list type="table">
/// <item><term>header</term><description><see cref="ArchiveHeader"/> as JSON.</description></item>
/// <item><term>block</term><description>Shard (4), revision (8), entries (4); each entry: version (8) and origin (8),
/// modified (8) and expires (8) in Unix milliseconds, key, content type, value, each behind its length (4).</description></item>
/// <item><term>trailer</term><description>Blocks (8), entries (8), XXH3 (8) over every byte before this frame.</description></item>
/// </list>
/// </summary>
internal static class ArchiveFormat
{
    /// <summary>The media type.</summary>
    public const string MediaType = "application/vnd.exapyte.backup";

    public const int Version = 1;
    public const byte HeaderKind = 1;
    public const byte BlockKind = 2;
    public const byte TrailerKind = 3;
    public const int FrameHeadBytes = 1 + sizeof(int);
    public const int ChecksumBytes = sizeof(uint);
    public const int TrailerBytes = 3 * sizeof(long);

    /// <summary>Largest payload: a block ends after 1 MiB, with an entry that may be as large again.</summary>
    public const int PayloadBytesMax = 8 << 20;

    public const int EntryBytesMin = (4 * sizeof(long)) + (3 * sizeof(int));

    public static ReadOnlySpan<byte> Magic => "EXAPYTE1"u8;

    /// <summary>CRC-32C.</summary>
    public static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BitConverter.ToUInt64(bytes));
            bytes = bytes[sizeof(ulong)..];
        }
        foreach (var one in bytes)
        {
            crc = BitOperations.Crc32C(crc, one);
        }
        return ~crc;
    }
}

/// <summary>What an archive says about itself before its entries.</summary>
/// <param name="Format">The version of the format.</param>
/// <param name="Keyspace">The keyspace's name.</param>
/// <param name="CreatedMs">When the archive was begun, Unix milliseconds.</param>
/// <param name="Settings">The keyspace's settings.</param>
internal sealed record ArchiveHeader(int Format, string Keyspace, long CreatedMs, KeyspaceSettings Settings);

/// <summary>Entries of one shard.</summary>
/// <param name="Shard">The shard's position in the archived keyspace.</param>
/// <param name="Revision">Its revision; 0 in leaderless keyspaces.</param>
/// <param name="Entries">The entries.</param>
internal sealed record ArchiveBlock(int Shard, ulong Revision, IReadOnlyList<StampedEntry> Entries);

/// <summary>The header's JSON.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true
)]
[JsonSerializable(typeof(ArchiveHeader))]
internal sealed partial class ArchiveJson : JsonSerializerContext;
