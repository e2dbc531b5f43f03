using Exapyte.Grains.Replicas.Log;
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
    public void What_fits_where_a_write_before_it_did_not_stays_out_of_the_log_until_that_is_in_it()
    {
        using var log = OpenLog(queuedMax: 1);
        Queue<ReplicaLogWriter.Submission> logged = new();
        var writer = new ReplicaLogWriter(log, Group, logged.Enqueue);
        writer.Submit(WriteOf(1, [EntryOf(1, 1), EntryOf(2, 1), EntryOf(3, 1)], commit: 0));
        Assert.Equal([1], Durable(log, writer, logged));

        // A new leader's entries take the place of two. The log has no place for the first of them, and has one again before
        // the writer hears of it: what follows would stand behind an entry of the old leader, or call it committed.
        log.SetDescriptor(new(2), new byte[1]);
        writer.Submit(WriteOf(2, [EntryOf(2, 2)], commit: 1));
        log.Step();
        writer.Submit(WriteOf(3, [EntryOf(3, 2)], commit: 2));
        log.Step();
        writer.Submit(WriteOf(4, [], commit: 3));
        log.Step();

        var written = log.OpenGroup(Group);
        Assert.Equal((0ul, 3ul), (written.State.Commit, written.LastIndex));
        Assert.Equal([1ul, 1, 1], Terms(written));

        List<ulong> durable = [];
        while (durable.Count < 3)
        {
            durable.AddRange(Durable(log, writer, logged));
            writer.Retry();
        }
        Assert.Equal([2ul, 3, 4], durable);
        Assert.Equal((3ul, 3ul), (written.State.Commit, written.LastIndex));
        Assert.Equal([1ul, 2, 2], Terms(written));
    }

    [Fact]
    public void What_was_known_to_be_committed_when_an_entry_came_is_durable_with_the_entry()
    {
        using var log = OpenLog(queuedMax: 8);
        Queue<ReplicaLogWriter.Submission> logged = new();
        var writer = new ReplicaLogWriter(log, Group, logged.Enqueue);

        // Both are on their way when the log writes: whoever then has the second entry knows that the first is committed.
        writer.Submit(WriteOf(1, [EntryOf(1, 1)], commit: 0));
        writer.Submit(WriteOf(2, [EntryOf(2, 1)], commit: 1));

        Assert.Equal([1ul, 2], Durable(log, writer, logged));
        var written = log.OpenGroup(Group);
        Assert.Equal((1ul, 2ul), (written.State.Commit, written.LastIndex));
    }

    private static readonly GroupId Group = new(1);

    private static SteppedNodeLog OpenLog(int queuedMax)
    {
        var log = SteppedNodeLog.Open(
            "/data/log",
            new() { QueuedOperationsMax = queuedMax },
            new SimulatedFiles(),
            newLogId: 7,
            out _
        );
        log.SetDescriptor(Group, new byte[1]);
        log.Step();
        return log;
    }

    private static List<ulong> Durable(
        SteppedNodeLog log,
        ReplicaLogWriter writer,
        Queue<ReplicaLogWriter.Submission> logged
    )
    {
        List<ulong> durable = [];
        log.Step();
        while (logged.TryDequeue(out var submission))
        {
            if (writer.Take(submission))
            {
                durable.Add(submission.Write.WriteId);
            }
        }
        return durable;
    }

    private static ulong[] Terms(GroupLog written) =>
        [.. Enumerable.Range(1, (int)written.LastIndex).Select(index => written.TermAt((ulong)index)!.Value)];

    private static LogEntry EntryOf(ulong index, ulong term) => new(new(term), new(index), EntryKind.Empty, default);

    private static LogWrite WriteOf(ulong id, LogEntry[] entries, ulong commit) =>
        new()
        {
            WriteId = id,
            HardState = new HardState(new(2), new(1), new(commit)),
            Entries = entries,
            MustSync = true,
        };

    private static LogWrite WriteOf(ulong id) =>
        new()
        {
            WriteId = id,
            HardState = null,
            Entries = [new LogEntry(new(1), new(id), EntryKind.Empty, default)],
            MustSync = true,
        };
}
