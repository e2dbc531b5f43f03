using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Testing.Files;
using Xunit;
using static Exapyte.Storage.Tests.Log.LogKit;

namespace Exapyte.Storage.Tests.Log;

/// <summary>The thread around the core, over the real disk.</summary>
public sealed class NodeLogTests : IDisposable
{
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    readonly string _folder = Directory.CreateTempSubdirectory("exapyte-log-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    [Trait("Scenario", "disk_store_persistence")]
    public async Task Everything_acknowledged_to_many_producers_is_there_after_dispose_and_reopen()
    {
        const int Producers = 16;
        const ulong Entries = 200;
        using (var log = NodeLog.Open(_folder, Small, PosixFiles.Instance, out _))
        {
            await Task.WhenAll(Enumerable.Range(1, Producers).Select(id => Produce(log, (ulong)id, Entries)));
            Assert.True(log.Statistics.Batches < Producers * (long)Entries, "no batch was shared");
        }

        using var reopened = NodeLog.Open(_folder, Small, PosixFiles.Instance, out var recovery);
        Assert.Empty(recovery.Damage);
        Assert.Equal(Producers, recovery.Groups.Count);
        Assert.All(recovery.Groups, g => Assert.Equal(Entries, g.LastIndex));
        foreach (var group in recovery.Groups)
        {
            foreach (var entry in reopened.ReadAll(group.Id.Value))
                Assert.True(entry.Payload.Span.SequenceEqual(Entry(1, entry.Index, 300).Payload.Span));
        }
    }

    [Fact]
    public async Task Readers_beside_the_writer_see_whole_entries_while_segments_come_and_go()
    {
        using var log = NodeLog.Open(_folder, Small with { CacheBytes = 16 << 10 }, PosixFiles.Instance, out _);
        await Done(c => log.SetDescriptor(new GroupId(1), default, c));
        using var ended = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 3).Select(_ => Task.Run(() => ReadUntil(log, ended.Token))).ToArray();
        for (ulong index = 1; index <= 1500; index++)
        {
            var append = new GroupAppend { Group = new GroupId(1) };
            append.Entries.Add(Entry(1, index, 1000));
            await Done(c =>
            {
                append.Completion = c;
                log.Append(append);
                if (index > 100)
                    log.Compact(new GroupId(1), index - 100, 1);
            });
        }
        await ended.CancelAsync();

        Assert.True(await Task.WhenAll(readers) is [> 0, > 0, > 0]);
        Assert.True(log.Statistics.SegmentsReleased > 0);
    }

    [Fact]
    public async Task Operations_without_a_sync_of_their_own_are_durable_soon_all_the_same()
    {
        using var log = NodeLog.Open(_folder, Small, PosixFiles.Instance, out _);
        await Done(c => log.SetDescriptor(new GroupId(1), default, c));
        var append = new GroupAppend
        {
            Group = new GroupId(1),
            State = new GroupState(1, 2, 3),
            MustSync = false,
        };
        await Done(c =>
        {
            append.Completion = c;
            log.Append(append);
        });
        Assert.Equal(new GroupState(1, 2, 3), log.OpenGroup(new GroupId(1)).State);
    }

    [Fact]
    public async Task Over_a_full_queue_an_operation_is_refused_as_overloaded()
    {
        var files = new GatedFiles();
        var options = Small with { QueuedOperationsMax = 3 };
        var log = NodeLog.Open(_folder, options, files, out _);
        files.Gate.Reset();
        List<Outcome> outcomes = [];
        for (ulong id = 1; id <= 12; id++)
            outcomes.Add(log.Create(id));
        files.Gate.Set();
        log.Dispose();

        Assert.All(outcomes, o => Assert.NotNull(o.Result));
        Assert.Contains(outcomes, o => o.Result?.Status == LogAppendStatus.Overloaded);
        Assert.Contains(outcomes, o => o.IsOk);
        await Task.CompletedTask;
    }

    [Fact]
    public void Dispose_completes_what_is_queued_and_refuses_what_comes_later()
    {
        var log = NodeLog.Open(_folder, Small, PosixFiles.Instance, out _);
        var queued = Enumerable.Range(1, 50).Select(id => log.Create((ulong)id)).ToArray();
        log.Dispose();
        var late = log.Create(99);

        Assert.All(queued, o => Assert.True(o.IsOk));
        Assert.Equal(LogAppendStatus.Closed, late.Result?.Status);
    }

    [Fact]
    public async Task A_command_may_be_used_again_from_its_own_completion()
    {
        using var log = NodeLog.Open(_folder, Small, PosixFiles.Instance, out _);
        await Done(c => log.SetDescriptor(new GroupId(1), default, c));
        var chain = new Chain(log, length: 100);
        chain.Next();
        await chain.Ended.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.Equal(100UL, log.OpenGroup(new GroupId(1)).LastIndex);
    }

    static async Task Produce(NodeLog log, ulong id, ulong entries)
    {
        await Done(c => log.SetDescriptor(new GroupId(id), default, c));
        for (ulong index = 1; index <= entries; index++)
        {
            var append = new GroupAppend { Group = new GroupId(id) };
            append.Entries.Add(Entry(1, index, 300));
            await Done(c =>
            {
                append.Completion = c;
                log.Append(append);
            });
        }
    }

    static int ReadUntil(NodeLog log, CancellationToken ended)
    {
        var reader = log.OpenGroup(new GroupId(1));
        List<LogRecordEntry> entries = [];
        var read = 0;
        while (!ended.IsCancellationRequested || read == 0)
        {
            entries.Clear();
            var from = reader.FirstIndex;
            var status = reader.Read(from, from + 80, long.MaxValue, entries);
            Assert.True(status is LogReadStatus.Ok or LogReadStatus.Compacted, status.ToString());
            foreach (var entry in entries)
            {
                Assert.Equal(from++, entry.Index);
                Assert.True(entry.Payload.Span.SequenceEqual(Entry(1, entry.Index, 1000).Payload.Span));
            }
            read += entries.Count;
        }
        return read;
    }

    static async Task Done(Action<ILogCompletion> submit)
    {
        var completion = new TaskCompletion();
        submit(completion);
        var result = await completion.Task.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.Equal(LogAppendResult.Ok, result);
    }

    sealed class TaskCompletion : ILogCompletion
    {
        readonly TaskCompletionSource<LogAppendResult> _source = new(
            TaskCreationOptions.RunContinuationsAsynchronously
        );

        public Task<LogAppendResult> Task => _source.Task;

        public void Complete(LogAppendResult result) => _source.SetResult(result);
    }

    sealed class Chain(NodeLog log, ulong length) : ILogCompletion
    {
        readonly GroupAppend _append = new();
        readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ulong _index;

        public Task Ended => _ended.Task;

        public void Next()
        {
            _append.Clear();
            _append.Group = new GroupId(1);
            _append.Completion = this;
            _append.Entries.Add(Entry(1, ++_index, 10));
            log.Append(_append);
        }

        public void Complete(LogAppendResult result)
        {
            if (!result.IsOk)
                _ended.SetException(new InvalidOperationException(result.Reason));
            else if (_index == length)
                _ended.SetResult();
            else
                Next();
        }
    }

    /// <summary>The real disk with a gate before each sync of a file.</summary>
    sealed class GatedFiles : IFiles
    {
        static PosixFiles Real => PosixFiles.Instance;

        public ManualResetEventSlim Gate { get; } = new(initialState: true);

        public void CreateFolder(string path) => Real.CreateFolder(path);

        public IReadOnlyList<string> List(string folder) => Real.List(folder);

        public bool Exists(string path) => Real.Exists(path);

        public long Length(string path) => Real.Length(path);

        public IFile Open(string path, FileMode mode) => new GatedFile(Real.Open(path, mode), Gate);

        public void Rename(string from, string to) => Real.Rename(from, to);

        public void Delete(string path) => Real.Delete(path);

        public void SyncFolder(string folder) => Real.SyncFolder(folder);

        public IDisposable? TryLock(string path) => Real.TryLock(path);
    }

    sealed class GatedFile(IFile file, ManualResetEventSlim gate) : IFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public int Read(long offset, Span<byte> into) => file.Read(offset, into);

        public void Write(long offset, ReadOnlySpan<byte> bytes) => file.Write(offset, bytes);

        public void DataSync()
        {
            gate.Wait();
            file.DataSync();
        }

        public void Dispose() => file.Dispose();
    }
}
