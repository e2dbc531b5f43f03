using Exapyte.Storage.Child;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Xunit;

namespace Exapyte.Storage.Tests.Log;

public sealed class KillTests : IDisposable
{
    const int Rounds = 12;

    readonly string _folder = Directory.CreateTempSubdirectory("exapyte-log-kill-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    [Trait("Scenario", "disk_store_recovery")]
    public async Task A_killed_process_loses_nothing_acknowledged_and_leaves_nothing_torn()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var acknowledged = new ulong[LogWriter.Groups + 1];
        long released = 0;
        for (var round = 0; round < Rounds; round++)
        {
            using (var writer = new LogWriterProcess(_folder))
            {
                for (var i = 0; i < 300 + (round * 170); i++)
                {
                    var (group, index) = await writer.ReadAcknowledgedAsync(cancellation);
                    Assert.NotEqual(0UL, group);
                    acknowledged[group] = index;
                }
            }
            Check(acknowledged);
            released =
                Directory
                    .GetFiles(_folder, "segment-*")
                    .Select(f => long.Parse(Path.GetFileNameWithoutExtension(f)[8..]))
                    .Min() - 1;
        }
        Assert.True(released > 0, "no segment was ever released");
    }

    void Check(ulong[] acknowledged)
    {
        using var log = NodeLog.Open(_folder, LogWriter.Options, PosixFiles.Instance, out var recovery);
        Assert.Empty(recovery.Damage);
        Assert.Equal(LogWriter.Groups, recovery.Groups.Count);
        foreach (var group in recovery.Groups)
        {
            Assert.Null(group.Quarantined);
            Assert.True(group.LastIndex >= acknowledged[group.Id.Value], $"group {group.Id} lost acknowledged entries");
            Assert.Equal(group.LastIndex, group.State.Commit);
            foreach (var entry in log.ReadAll(group.Id.Value))
            {
                var expected = LogWriter.EntryOf(group.Id.Value, entry.Index);
                Assert.Equal((expected.Term, expected.Kind), (entry.Term, entry.Kind));
                Assert.True(expected.Payload.Span.SequenceEqual(entry.Payload.Span));
            }
        }
    }
}
