using Exapyte.Storage.Log;
using Exapyte.Testing.Files;
using Xunit;
using static Exapyte.Storage.Tests.Log.LogKit;

namespace Exapyte.Storage.Tests.Log;

public sealed class CountWithinTests
{
    const int RecordBytes = 1_000;

    readonly SimulatedFiles _files = new();

    [Theory]
    [InlineData(10, 0, 100, 0)]
    [InlineData(10, RecordBytes - 1, 100, 0)]
    [InlineData(10, RecordBytes, 100, 1)]
    [InlineData(10, 3 * RecordBytes + 1, 100, 3)]
    [InlineData(10, 3 * RecordBytes, 2, 2)]
    [InlineData(10, long.MaxValue, 100, 7)]
    [InlineData(6, long.MaxValue, 100, 3)]
    [InlineData(99, long.MaxValue, 100, 7)]
    [InlineData(3, long.MaxValue, 100, 0)]
    public void Entries_are_counted_backwards_until_bytes_or_number_are_used_up(
        ulong through,
        long bytesMax,
        ulong countMax,
        ulong expected
    )
    {
        var log = Open(_files);
        log.Create(1);
        for (ulong index = 1; index <= 10; index++)
            log.StepOk(log.Append(1, Entry(1, index, RecordBytes - LogFormat.RecordHeaderBytes)));
        log.StepOk(log.Compact(1, 3, 1));

        Assert.Equal(expected, log.OpenGroup(new GroupId(1)).CountWithin(through, bytesMax, countMax));
    }
}
