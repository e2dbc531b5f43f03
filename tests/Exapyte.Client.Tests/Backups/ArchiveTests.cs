using System.Buffers;
using CsCheck;
using Exapyte.Client.Backups;
using Exapyte.Keyspaces;
using Exapyte.Wire;

namespace Exapyte.Client.Tests.Backups;

public sealed class ArchiveTests
{
    private static readonly Gen<StampedEntry> Entry = Gen.Select(
        Gen.Byte.Array[1, 20],
        Gen.ULong,
        Gen.ULong,
        Gen.Byte.Array[0, 60],
        Gen.String[Gen.Char.AlphaNumeric, 0, 12],
        Gen.Long,
        Gen.Long,
        (key, revision, origin, value, contentType, modifiedMs, expiresMs) =>
            new StampedEntry
            {
                Key = key,
                Version = new(revision, origin),
                Value = value,
                ContentType = contentType,
                ModifiedMs = modifiedMs,
                ExpiresMs = expiresMs,
            }
    );

    private static readonly Gen<ArchiveBlock[]> Blocks = Gen.Select(
        Gen.Int[0, 1_023],
        Gen.ULong,
        Entry.Array[0, 6],
        (shard, revision, entries) => new ArchiveBlock(shard, revision, entries)
    ).Array[0, 4];

    private static readonly ArchiveHeader Header = new(
        ArchiveFormat.Version,
        "orders",
        1_750_000_000_000,
        new()
        {
            Replication = ReplicationKind.Quorum,
            WriteQuorum = 2,
            Shards = 4,
            PartitionDelimiter = "/",
            DefaultTtlSeconds = 60,
        }
    );

    [Fact]
    public async Task An_archive_reads_as_it_was_written()
    {
        await Blocks.SampleAsync(async blocks =>
        {
            var (header, read, fault) = await Read(Archive(blocks));
            Assert.Null(fault);
            Assert.Equal(Header, header);
            Assert.Equal(Lines(blocks), Lines(read));
        });
    }

    [Fact]
    public async Task An_archive_that_is_cut_short_anywhere_is_refused()
    {
        var archive = Archive(Sample());
        for (var length = 0; length < archive.Length; length++)
        {
            var (_, _, fault) = await Read(archive[..length]);
            Assert.NotNull(fault);
        }
    }

    [Fact]
    public async Task An_archive_with_any_bit_flipped_is_refused()
    {
        var archive = Archive(Sample());
        for (var bit = 0; bit < archive.Length * 8; bit++)
        {
            var damaged = archive.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            var (_, _, fault) = await Read(damaged);
            Assert.True(fault is not null, $"Bit {bit} was flipped and nobody noticed.");
        }
    }

    [Fact]
    public async Task A_block_that_is_missing_or_stands_twice_or_elsewhere_is_noticed()
    {
        var blocks = Sample();
        var archive = Archive(blocks);
        var (from, to) = BoundsOfBlocks(blocks);
        byte[] first = archive[from[0]..to[0]],
            second = archive[from[1]..to[1]];
        byte[][] tampered =
        [
            [.. archive[..from[0]], .. second, .. archive[to[1]..]],
            [.. archive[..from[0]], .. first, .. first, .. second, .. archive[to[1]..]],
            [.. archive[..from[0]], .. second, .. first, .. archive[to[1]..]],
            [.. archive, 0],
        ];
        foreach (var one in tampered)
        {
            Assert.NotNull((await Read(one)).Fault);
        }
    }

    [Fact]
    public async Task Bytes_that_are_no_archive_are_refused_and_never_throw()
    {
        await Gen
            .Byte.Array[0, 100]
            .SampleAsync(async bytes =>
            {
                Assert.NotNull((await Read(bytes)).Fault);
                Assert.NotNull((await Read([.. ArchiveFormat.Magic, .. bytes])).Fault);
            });
    }

    [Fact]
    public async Task An_archive_of_a_later_format_is_refused()
    {
        var output = new ArrayBufferWriter<byte>();
        new ArchiveWriter(output).WriteHeader(Header with { Format = ArchiveFormat.Version + 1 });
        Assert.Contains("format", (await Read(output.WrittenSpan.ToArray())).Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void The_format_does_not_change()
    {
        Assert.Equal("E3069283", ArchiveFormat.Checksum("123456789"u8).ToString("X8"));
        var archive = Archive([new(1, 2, [TheEntry])]);
        var (from, to) = BoundsOfBlocks([new(1, 2, [TheEntry])]);
        Assert.Equal("EXAPYTE1"u8.ToArray(), archive[..8]);
        Assert.Equal(
            "02"
                + "40000000"
                + "01000000"
                + "0200000000000000"
                + "01000000"
                + "0300000000000000"
                + "0400000000000000"
                + "0500000000000000"
                + "0600000000000000"
                + "01000000"
                + "6B"
                + "01000000"
                + "74"
                + "02000000"
                + "7631",
            Convert.ToHexString(archive[from[0]..(to[0] - ArchiveFormat.ChecksumBytes)])
        );
    }

    private static StampedEntry TheEntry { get; } =
        new()
        {
            Key = "k"u8.ToArray(),
            Version = new(3, 4),
            ModifiedMs = 5,
            ExpiresMs = 6,
            ContentType = "t",
            Value = "v1"u8.ToArray(),
        };

    private static ArchiveBlock[] Sample() =>
        [
            new(0, 7, [TheEntry]),
            new(
                1,
                9,
                [
                    TheEntry,
                    new()
                    {
                        Key = "other"u8.ToArray(),
                        Version = new(8),
                        Value = new byte[40],
                    },
                ]
            ),
        ];

    private static byte[] Archive(ArchiveBlock[] blocks)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new ArchiveWriter(output);
        writer.WriteHeader(Header);
        foreach (var block in blocks)
        {
            writer.WriteBlock(block);
        }
        writer.WriteTrailer();
        return output.WrittenSpan.ToArray();
    }

    private static (List<int> From, List<int> To) BoundsOfBlocks(ArchiveBlock[] blocks)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new ArchiveWriter(output);
        writer.WriteHeader(Header);
        List<int> from = [],
            to = [];
        foreach (var block in blocks)
        {
            from.Add(output.WrittenCount);
            writer.WriteBlock(block);
            to.Add(output.WrittenCount);
        }
        return (from, to);
    }

    private static async Task<(ArchiveHeader? Header, ArchiveBlock[] Blocks, string? Fault)> Read(byte[] archive)
    {
        var reader = new ArchiveReader(new MemoryStream(archive));
        var (header, fault) = await reader.ReadHeaderAsync(CancellationToken.None);
        List<ArchiveBlock> blocks = [];
        while (fault is null)
        {
            var read = await reader.ReadAsync(CancellationToken.None);
            if (read.IsEnd)
            {
                break;
            }
            fault = read.Fault;
            if (read.Block is { } block)
            {
                blocks.Add(block);
            }
        }
        return (header, [.. blocks], fault);
    }

    private static IEnumerable<string> Lines(ArchiveBlock[] blocks) =>
        blocks.SelectMany(block =>
            block
                .Entries.Select(entry =>
                    $"{Convert.ToHexString(entry.Key.Span)} {entry.Version.Revision} {entry.Version.Origin} "
                    + $"{Convert.ToHexString(entry.Value.Span)} {entry.ContentType} {entry.ModifiedMs} {entry.ExpiresMs}"
                )
                .Prepend($"{block.Shard} {block.Revision} {block.Entries.Count}")
        );
}
