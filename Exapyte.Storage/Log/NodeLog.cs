using System.Buffers.Binary;
using System.Security.Cryptography;
using Exapyte.Storage.Files;

namespace Exapyte.Storage.Log;

/// <summary>
/// The log of a node: one thread that takes whatever has queued, has the core write and sync it as one batch, and starts
/// over. While a sync is under way the next batch gathers, so that syncs are shared by however many wait (group commit).
/// A broken invariant, or a completion that throws, ends the process: the log could not be trusted any more.
/// </summary>
public sealed class NodeLog : NodeLogBase, IDisposable
{
    /// <summary>Quiet time before files are prepared: a step of that takes as long as many batches.</summary>
    static readonly TimeSpan QuietDelay = TimeSpan.FromMilliseconds(5);

    /// <summary>While the disk is full, how often it is tried whether space has returned.</summary>
    static readonly TimeSpan DiskFullDelay = TimeSpan.FromMilliseconds(250);

    readonly NodeLogOptions _options;
    readonly NodeLogCore _core;
    readonly Thread _writer;
    readonly object _gate = new();
    List<LogCommand> _queue = [];
    List<LogCommand> _taken = [];
    long _queuedBytes;
    bool _wantsSync;
    bool _waits;
    bool _closing;

    NodeLog(NodeLogOptions options, NodeLogCore core)
    {
        _options = options;
        _core = core;
        _writer = new Thread(Run) { IsBackground = true, Name = "exapyte-log" };
        _writer.Start();
    }

    /// <inheritdoc/>
    public override LogHealth Health => _core.Health;

    /// <inheritdoc/>
    public override NodeLogStatistics Statistics
    {
        get
        {
            lock (_gate)
                return _core.Statistics with { Queued = _queue.Count };
        }
    }

    /// <summary>Recovers the log of a folder, or creates it, and starts its writer.</summary>
    /// <exception cref="NodeLogException">It was written by a newer version, or none of it can be read.</exception>
    /// <exception cref="DiskException">The disk cannot be read, or cannot make durable what was read.</exception>
    public static NodeLog Open(string folder, NodeLogOptions options, IFiles files, out NodeLogRecovery recovery)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(files);
        var newLogId = BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        return new NodeLog(options, NodeLogCore.Open(folder, options, files, newLogId, out recovery));
    }

    /// <inheritdoc/>
    public override GroupLog OpenGroup(GroupId id) => _core.OpenGroup(id);

    /// <summary>Writes what is queued, completes it, and closes the files. Later operations complete as closed.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _closing = true;
            Monitor.Pulse(_gate);
        }
        _writer.Join();
    }

    private protected override void Submit(LogCommand command)
    {
        var bytes = command.RecordsBytes;
        LogAppendResult refusal;
        lock (_gate)
        {
            refusal = Refusal(bytes);
            if (refusal.IsOk)
            {
                _queue.Add(command);
                _queuedBytes += bytes;
                _wantsSync |= command.MustSync;
                if (_waits && (_wantsSync || _queue.Count == 1))
                    Monitor.Pulse(_gate);
                return;
            }
        }
        command.Complete(refusal);
    }

    LogAppendResult Refusal(long bytes)
    {
        if (_closing)
            return new(LogAppendStatus.Closed, "the log is closed");
        return _options.Admit(_queue.Count, _queuedBytes, bytes);
    }

    void Run()
    {
        while (Take())
        {
            _core.WriteBatch(_taken);
            _taken.Clear();
        }
        _core.End();
        _core.Dispose();
    }

    /// <summary>Waits for commands, preparing files meanwhile; false once closed and empty.</summary>
    bool Take()
    {
        var idle = true; // Until a step finds nothing left to prepare.
        while (true)
        {
            lock (_gate)
            {
                if (_queue.Count == 0 && !_closing)
                    Wait(idle ? QuietDelay : IdleLimit);
                if (_queue.Count > 0 && !_wantsSync && !_closing)
                    Wait(_options.DeferredDelay);
                if (_queue.Count > 0)
                {
                    (_taken, _queue) = (_queue, _taken);
                    _queuedBytes = 0;
                    _wantsSync = false;
                    return true;
                }
                if (_closing)
                    return false;
            }
            idle = _core.IdleStep();
        }
    }

    TimeSpan IdleLimit => Health.Condition == LogCondition.DiskFull ? DiskFullDelay : Timeout.InfiniteTimeSpan;

    void Wait(TimeSpan limit)
    {
        _waits = true;
        Monitor.Wait(_gate, limit);
        _waits = false;
    }
}
