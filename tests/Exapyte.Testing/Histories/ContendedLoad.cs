using System.Diagnostics;
using Exapyte.Testing.Linearizability;
using Exapyte.Testing.Processes;

namespace Exapyte.Testing.Histories;

/// <summary>
/// Concurrent clients at every node that read, write, delete and compare-and-set the same few keys until told to stop, each
/// one request at a time and each noted in <see cref="Recorder"/>. One client of each node gives its writes request ids.
/// </summary>
public sealed class ContendedLoad : IAsyncDisposable
{
    const int KeysAtOnce = 4;
    const int PauseMsMax = 4;

    static readonly TimeSpan s_pauseAfterFailure = TimeSpan.FromMilliseconds(20);

    // Shorter than the service's own deadline: a client that gives up is one of the ways in which an outcome stays unknown.
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    readonly CancellationTokenSource _stop = new();
    readonly HotKeys _keys;
    readonly List<RestClient> _nodes;
    readonly List<Task> _clients;
    long _acknowledged;
    string? _leader;
    Watch? _watch;
    int _stopped;

    /// <param name="recorder">Where the history goes.</param>
    /// <param name="prefix">Distinguishes the keys of this load from those of others.</param>
    /// <param name="nodes">The nodes' addresses.</param>
    /// <param name="clientsPerNode">How many clients talk to each.</param>
    /// <param name="seed">Decides what each client asks for.</param>
    public ContendedLoad(HistoryRecorder recorder, string prefix, IEnumerable<Uri> nodes, int clientsPerNode, int seed)
    {
        Recorder = recorder;
        _keys = new HotKeys(recorder, prefix, KeysAtOnce);
        _nodes = [.. nodes.Select(url => new RestClient(url, s_patience))];
        _clients =
        [
            .. Enumerable
                .Range(0, clientsPerNode * _nodes.Count)
                .Select(index =>
                    Task.Run(() =>
                        AskAsync(index, isPersistent: index < _nodes.Count, new Random(seed * 1_000 + index))
                    )
                ),
        ];
    }

    public HistoryRecorder Recorder { get; }

    /// <summary>Writes that were done.</summary>
    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    /// <summary>The node that served the write acknowledged last: with one shard, its leader.</summary>
    /// <exception cref="InvalidOperationException">No write was acknowledged yet.</exception>
    public string Leader =>
        Volatile.Read(ref _leader) ?? throw new InvalidOperationException("No write was acknowledged yet.");

    /// <summary>The keys that clients use at this moment.</summary>
    public IReadOnlyList<string> KeysInUse => [.. _keys.Current.Select(history => history.Key)];

    /// <summary>Waits until so many more writes than now have been acknowledged; returns how long that took.</summary>
    public Task<TimeSpan> WaitForWritesAsync(int count, TimeSpan deadline, Func<string>? explain = null)
    {
        var goal = Acknowledged + count;
        return PollAsync($"{count} more writes are acknowledged", deadline, () => Acknowledged >= goal, explain);
    }

    /// <summary>
    /// Takes a node away and waits until a write that another node served is acknowledged. Returns how long that took from
    /// the moment before.
    /// </summary>
    public async Task<TimeSpan> ResumesWithoutAsync(
        string node,
        Func<Task> takeAway,
        TimeSpan deadline,
        Func<string>? explain = null
    )
    {
        var watch = new Watch(node);
        Volatile.Write(ref _watch, watch);
        var since = Stopwatch.GetTimestamp();
        await takeAway();
        await PollAsync($"writes resume without {node}", deadline, () => watch.ServedAt != 0, explain);
        return Stopwatch.GetElapsedTime(since, watch.ServedAt);
    }

    /// <summary>Ends the load; what was on its way is waited for.</summary>
    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref _stopped, 1) == 0)
            await _stop.CancelAsync();
        await Task.WhenAll(_clients);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await StopAsync();
        }
        finally
        {
            _nodes.ForEach(node => node.Dispose());
            _stop.Dispose();
        }
    }

    /// <param name="node">The node that the client talks to.</param>
    /// <param name="isPersistent">
    /// Whether it sends a write whose end is not known again, under the same request id, until it knows.
    /// </param>
    /// <param name="random">Decides what it asks for.</param>
    async Task AskAsync(int node, bool isPersistent, Random random)
    {
        while (!_stop.IsCancellationRequested)
        {
            var history = _keys.Pick(random);
            var request = Choose(random, history.LastVersion);
            var isWrite = request.Kind == KeyOperationKind.Write;
            var (end, answer) =
                isPersistent && isWrite
                    ? await Recorder.RunOnceAsync(_nodes, node, history.Key, request, _stop.Token)
                    : await Recorder.RunAsync(_nodes[node % _nodes.Count], history.Key, request);
            if (end == RequestEnd.Done && isWrite)
                NoteWrite(answer.ServedBy);
            // A dead server refuses at once; and clients that never paused would starve the servers of a small machine.
            await Task.Delay(
                end is RequestEnd.Refused ? s_pauseAfterFailure : TimeSpan.FromMilliseconds(random.Next(PauseMsMax))
            );
        }
    }

    KeyRequest Choose(Random random, string? version) =>
        random.Next(100) switch
        {
            < 40 => KeyRequest.Read,
            < 70 => KeyRequest.Put(Recorder.NextValue()),
            < 80 => KeyRequest.Delete,
            < 88 => KeyRequest.PutIfAbsent(Recorder.NextValue()),
            < 97 when version is not null => KeyRequest.Put(Recorder.NextValue()).IfVersion(version),
            _ when version is not null => KeyRequest.Delete.IfVersion(version),
            _ => KeyRequest.PutIfAbsent(Recorder.NextValue()),
        };

    void NoteWrite(string? node)
    {
        Interlocked.Increment(ref _acknowledged);
        if (node is null)
            return;
        Volatile.Write(ref _leader, node);
        if (Volatile.Read(ref _watch) is { } watch && watch.Without != node)
            watch.Note(Stopwatch.GetTimestamp());
    }

    Task<TimeSpan> PollAsync(string what, TimeSpan deadline, Func<bool> condition, Func<string>? explain) =>
        Poll.UntilAsync(
            what,
            deadline,
            async () =>
            {
                // A client that met an impossible answer has ended, and says so here instead of at the end.
                foreach (var client in _clients.Where(client => client.IsFaulted))
                    await client;
                return condition();
            },
            explain
        );

    /// <summary>Sees the first write that any other node serves.</summary>
    sealed class Watch(string without)
    {
        long _servedAt;

        public string Without => without;

        /// <summary>0: not yet.</summary>
        public long ServedAt => Interlocked.Read(ref _servedAt);

        public void Note(long at) => Interlocked.CompareExchange(ref _servedAt, at, 0);
    }
}
