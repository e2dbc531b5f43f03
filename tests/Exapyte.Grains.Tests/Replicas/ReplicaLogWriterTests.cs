using Exapyte.Grains.Replicas;
using Exapyte.Raft;
using Exapyte.Storage.Log;
using Exapyte.Testing.Files;

namespace Exapyte.Grains.Tests.Replicas;

public class ReplicaLogWriterTests
{
    [Fact]
    public void Writes_that_find_the_logs_queue_full_get_through_as_many_at_a_time_as_it_takes()
    {
        const int Writes = 7;
        using var log = SteppedNodeLog.Open(
            "/data/log",
            new() { QueuedOperationsMax = 2 },
            new SimulatedFiles(),
            newLogId: 7,
            out _
        );
        var group = new GroupId(1);
        log.SetDescriptor(group, new byte[1]);
        log.Step();
        Queue<ReplicaLogWriter.Submission> logged = new();
        var writer = new ReplicaLogWriter(log, group, logged.Enqueue);
        for (var id = 1ul; id <= Writes; id++)
        {
            writer.Submit(WriteOf(id));
        }

        List<ulong> durable = [];
        for (var round = 0; round < Writes; round++)
        {
            log.Step();
            while (logged.TryDequeue(out var submission))
            {
                if (writer.Take(submission))
                {
                    durable.Add(submission.Write.WriteId);
                }
            }
            writer.Retry();
        }

        Assert.Equal([1, 2, 3, 4, 5, 6, 7], durable);
        Assert.Equal((ulong)Writes, log.OpenGroup(group).LastIndex);
        Assert.False(writer.IsStuck);
    }

    [Fact]
    public void A_hard_state_that_fits_where_an_entry_did_not_does_not_call_that_entry_committed()
    {
        using var log = SteppedNodeLog.Open(
            "/data/log",
            new() { QueuedOperationsMax = 1 },
            new SimulatedFiles(),
            newLogId: 7,
            out _
        );
        var group = new GroupId(1);
        log.SetDescriptor(group, new byte[1]);
        log.Step();
        Queue<ReplicaLogWriter.Submission> logged = new();
        var writer = new ReplicaLogWriter(log, group, logged.Enqueue);

        // The log has no place for the entry, and has one again before the writer hears of it.
        log.SetDescriptor(new(2), new byte[1]);
        writer.Submit(WriteOf(1));
        log.Step();
        writer.Submit(
            new()
            {
                WriteId = 2,
                HardState = new HardState(new(1), new(1), new(1)),
                Entries = [],
                MustSync = false,
            }
        );
        log.Step();

        var written = log.OpenGroup(group);
        Assert.Equal((1ul, 0ul, 0ul), (written.State.Term, written.State.Commit, written.LastIndex));
    }

    private static LogWrite WriteOf(ulong id) =>
        new()
        {
            WriteId = id,
            HardState = null,
            Entries = [new LogEntry(new(1), new(id), EntryKind.Empty, default)],
            MustSync = true,
        };
}
