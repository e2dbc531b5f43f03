using System.Text;
using Exapyte.Storage.Log;
using Exapyte.Testing.Files;
using Xunit;
using static Exapyte.Storage.Tests.Log.LogKit;

namespace Exapyte.Storage.Tests.Log;

/// <summary>
/// The bytes of format 1, kept in <c>Golden/log-v1.hex</c>. A difference is a new format version, not a new golden file;
/// to write one for a new version set EXAPYTE_WRITE_GOLDEN to the folder.
/// </summary>
public sealed class FormatTests
{
    const string FileName = "log-v1.hex";

    [Fact]
    public void The_bytes_of_a_log_are_those_of_its_format_version()
    {
        var files = new SimulatedFiles();
        Write(files);
        var hex = Dump(files.Content(PathOf(files.SegmentNames()[0])));
        if (Environment.GetEnvironmentVariable("EXAPYTE_WRITE_GOLDEN") is { Length: > 0 } folder)
            File.WriteAllText(Path.Combine(folder, FileName), hex);

        Assert.Equal(Golden(), hex);
    }

    [Fact]
    public void A_log_of_format_version_1_can_be_read()
    {
        var files = new SimulatedFiles();
        files.CreateFolder(Folder);
        files.Put(PathOf("segment-0000000001.log"), Parse(Golden()));

        var log = Open(files, out var recovery);

        Assert.Empty(recovery.Damage);
        Assert.Equal(["3.101:behind the snapshot"], log.Texts(7));
        Assert.Equal(["1.2:b"], log.Texts(8));
        Assert.Equal([new GroupId(9)], recovery.Destroyed);
        Assert.Equal(123456789, recovery.ClockHighWater);
        Assert.Equal(new GroupState(2, 77, 1), recovery.Groups[0].State);
        Assert.Equal("seven"u8.ToArray(), recovery.Groups[0].Descriptor.ToArray());
        Assert.Equal(
            (55UL, 100UL, 2UL),
            (recovery.Groups[0].Snapshot!.Prefix, recovery.Groups[0].Snapshot!.Index, recovery.Groups[0].Snapshot!.Term)
        );
    }

    [Fact]
    public void A_log_of_a_newer_format_is_refused_with_a_reason()
    {
        var files = new SimulatedFiles();
        files.CreateFolder(Folder);
        var content = new byte[LogFormat.DataOffset];
        new SegmentHeader(LogFormat.Version + 1, 1, 1, 1 << 20, 1, 0, 0).Write(content);
        files.Put(PathOf("segment-0000000001.log"), content);

        var refusal = Assert.Throws<NodeLogException>(() => Open(files));
        Assert.Contains("upgrade", refusal.Message, StringComparison.Ordinal);
    }

    static void Write(SimulatedFiles files)
    {
        var log = Open(files);
        log.Create(7, "seven");
        log.Create(8, "eight");
        log.Create(9, "nine");
        log.Append(7, new GroupState(2, 77, 1), Entry(1, 1, "gone", kind: 3));
        log.Append(8, Entry(1, 1, "a"), Entry(1, 2, "b", kind: 1));
        log.Step();
        log.SnapshotInstalled(new GroupId(7), 55, 100, 2, "members"u8.ToArray());
        log.Append(7, Entry(3, 101, "behind the snapshot"));
        log.Compact(8, 1, 1);
        log.Destroy(new GroupId(9));
        log.SetClockHighWater(123456789);
        log.Step();
    }

    /// <summary>Hexadecimal, 32 bytes a line; lines of zeros are left out, so each begins with its offset.</summary>
    static string Dump(ReadOnlySpan<byte> content)
    {
        var text = new StringBuilder();
        for (var at = 0; at < content.Length; at += 32)
        {
            var line = content.Slice(at, Math.Min(32, content.Length - at));
            if (line.ContainsAnyExcept((byte)0))
                text.Append($"{at:x6} {Convert.ToHexStringLower(line)}\n");
        }
        return text.ToString();
    }

    static byte[] Parse(string hex)
    {
        var content = new byte[16 << 10];
        foreach (var line in hex.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Convert.FromHexString(line[7..]).CopyTo(content, Convert.ToInt32(line[..6], 16));
        return content;
    }

    static string Golden()
    {
        using var stream = typeof(FormatTests).Assembly.GetManifestResourceStream(FileName)!;
        return new StreamReader(stream).ReadToEnd();
    }
}
