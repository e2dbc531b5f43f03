using System.Text;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Xunit;

namespace Exapyte.Storage.Tests.Log;

/// <summary>Remembers how an operation ended, and that it ended once.</summary>
sealed class Outcome : ILogCompletion
{
    public LogAppendResult? Result { get; private set; }

    public bool IsOk => Result is { IsOk: true };

    public void Complete(LogAppendResult result)
    {
        Assert.Null(Result);
        Result = result;
    }
}

/// <summary>Short words for tests of the log: small segments, one batch a step.</summary>
static class LogKit
{
    public const string Folder = "/data/log";

    public static readonly NodeLogOptions Small = new()
    {
        SegmentBytes = 128 << 10,
        FillStepBytes = 16 << 10,
        BatchBytesMax = 32 << 10,
        AppendBytesMax = 64 << 10,
        DescriptorBytesMax = 4 << 10,
        CacheBytes = 32 << 10,
        RewriteSegmentsMin = 3,
        RewriteBatchBytesMax = 8 << 10,
    };

    public static SteppedNodeLog Open(IFiles files, out NodeLogRecovery recovery, NodeLogOptions? options = null) =>
        SteppedNodeLog.Open(Folder, options ?? Small, files, newLogId: 0x1122334455667788, out recovery);

    public static SteppedNodeLog Open(IFiles files, NodeLogOptions? options = null) => Open(files, out _, options);

    public static LogRecordEntry Entry(ulong term, ulong index, string payload, byte kind = 0) =>
        new(term, index, kind, Encoding.UTF8.GetBytes(payload));

    public static LogRecordEntry Entry(ulong term, ulong index, int bytes)
    {
        var payload = new byte[bytes];
        for (var i = 0; i < bytes; i++)
            payload[i] = (byte)(i * 31 + (int)index * 7 + (int)term);
        return new LogRecordEntry(term, index, (byte)(index % 5), payload);
    }

    public static Outcome Append(this INodeLog log, ulong group, params ReadOnlySpan<LogRecordEntry> entries) =>
        Append(log, group, state: null, entries);

    public static Outcome Append(
        this INodeLog log,
        ulong group,
        GroupState? state,
        params ReadOnlySpan<LogRecordEntry> entries
    )
    {
        var outcome = new Outcome();
        var append = new GroupAppend
        {
            Group = new GroupId(group),
            State = state,
            Completion = outcome,
        };
        append.Entries.AddRange(entries);
        log.Append(append);
        return outcome;
    }

    public static Outcome Create(this INodeLog log, ulong group, string descriptor = "replica")
    {
        var outcome = new Outcome();
        log.SetDescriptor(new GroupId(group), Encoding.UTF8.GetBytes(descriptor), outcome);
        return outcome;
    }

    public static Outcome Compact(this INodeLog log, ulong group, ulong through, ulong term)
    {
        var outcome = new Outcome();
        log.Compact(new GroupId(group), through, term, outcome);
        return outcome;
    }

    public static void StepOk(this SteppedNodeLog log, Outcome outcome)
    {
        log.Step();
        Assert.Equal(LogAppendResult.Ok, outcome.Result);
    }

    public static List<LogRecordEntry> ReadAll(this INodeLog log, ulong group)
    {
        var reader = log.OpenGroup(new GroupId(group));
        List<LogRecordEntry> entries = [];
        Assert.Equal(LogReadStatus.Ok, reader.Read(reader.FirstIndex, reader.LastIndex, long.MaxValue, entries));
        return entries;
    }

    public static string Text(this LogRecordEntry entry) => Encoding.UTF8.GetString(entry.Payload.Span);

    public static string[] Texts(this INodeLog log, ulong group) =>
        [.. log.ReadAll(group).Select(e => $"{e.Term}.{e.Index}:{e.Text()}")];

    public static string[] SegmentNames(this IFiles files) =>
        [
            .. files
                .List(Folder)
                .Where(n => n.StartsWith("segment-", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal),
        ];

    public static string PathOf(string name) => Path.Combine(Folder, name);
}
