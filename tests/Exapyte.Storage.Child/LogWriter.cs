using System.Collections.Concurrent;
using System.Text;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;

namespace Exapyte.Storage.Child;

/// <summary>
/// Appends to a log until it is killed and says, a line each, what was acknowledged: all entries of a group through an
/// index. An entry's bytes follow from its group and index.
/// </summary>
public static class LogWriter
{
    public const int Groups = 4;
    const ulong Retained = 500;

    public static readonly NodeLogOptions Options = new()
    {
        SegmentBytes = 1 << 20,
        FillStepBytes = 256 << 10,
        BatchBytesMax = 256 << 10,
        AppendBytesMax = 256 << 10,
        DescriptorBytesMax = 16 << 10,
        CacheBytes = 1 << 20,
        RewriteBatchBytesMax = 64 << 10,
    };

    public static LogRecordEntry EntryOf(ulong group, ulong index) =>
        new(
            1 + (index / 1000),
            index,
            (byte)group,
            Encoding.UTF8.GetBytes($"{group}/{index}/{new string('x', (int)(index * 37 % 700))}")
        );

    internal static int Run(string folder)
    {
        using var log = NodeLog.Open(folder, Options, PosixFiles.Instance, out _);
        using var said = new BlockingCollection<string>(boundedCapacity: 10_000);
        for (ulong id = 1; id <= Groups; id++)
        {
            using var created = new Signal();
            log.SetDescriptor(new GroupId(id), "writer"u8.ToArray(), created);
            created.Wait();
            new Writer(log, id, said).AppendNext();
        }
        foreach (var line in said.GetConsumingEnumerable())
            Console.WriteLine(line);
        return 0;
    }

    sealed class Signal : ILogCompletion, IDisposable
    {
        readonly ManualResetEventSlim _event = new();

        public void Complete(LogAppendResult result) => _event.Set();

        public void Wait() => _event.Wait();

        public void Dispose() => _event.Dispose();
    }

    /// <summary>One group's chain: the completion of an append sends the next.</summary>
    sealed class Writer(NodeLog log, ulong id, BlockingCollection<string> said) : ILogCompletion
    {
        readonly GroupAppend _append = new();
        ulong _last = log.OpenGroup(new GroupId(id)).LastIndex;

        public void AppendNext()
        {
            _append.Clear();
            _append.Group = new GroupId(id);
            _append.Completion = this;
            var count = 1 + (int)(_last % 5);
            for (var i = 0; i < count; i++)
                _append.Entries.Add(EntryOf(id, ++_last));
            _append.State = new GroupState(1 + (_last / 1000), id, _last);
            var through = _last > Retained ? _last - Retained : 0;
            log.Append(_append);
            // The last group is quiet about compaction and so pins segments.
            if (through > 0 && id != Groups)
                log.Compact(new GroupId(id), through, EntryOf(id, through).Term);
        }

        public void Complete(LogAppendResult result)
        {
            said.Add(result.IsOk ? $"{id} {_last}" : $"0 0 {result.Reason}");
            if (result.IsOk)
                AppendNext();
        }
    }
}
