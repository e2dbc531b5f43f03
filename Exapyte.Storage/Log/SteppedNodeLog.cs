using Exapyte.Storage.Files;

namespace Exapyte.Storage.Log;

/// <summary>
/// The log driven by its caller, for simulations: operations wait until <see cref="Step"/> writes them as one batch on
/// the caller's thread. Everything below is what a node runs.
/// </summary>
public sealed class SteppedNodeLog : NodeLogBase, IDisposable
{
    readonly NodeLogCore _core;
    List<LogCommand> _waiting = [];
    List<LogCommand> _written = [];

    readonly NodeLogOptions _options;
    long _waitingBytes;

    SteppedNodeLog(NodeLogCore core, NodeLogOptions options) => (_core, _options) = (core, options);

    /// <inheritdoc/>
    public override LogHealth Health => _core.Health;

    /// <inheritdoc/>
    public override NodeLogStatistics Statistics => _core.Statistics with { Queued = _waiting.Count };

    /// <summary>Recovers the log of a folder; the id names it if it is new.</summary>
    public static SteppedNodeLog Open(
        string folder,
        NodeLogOptions options,
        IFiles files,
        ulong newLogId,
        out NodeLogRecovery recovery
    ) => new(NodeLogCore.Open(folder, options, files, newLogId, out recovery), options);

    /// <inheritdoc/>
    public override GroupLog OpenGroup(GroupId id) => _core.OpenGroup(id);

    /// <summary>Writes, syncs and completes what waits; false if nothing did. What completions submit waits for the next.</summary>
    public bool Step()
    {
        if (_waiting.Count == 0)
            return false;
        (_waiting, _written) = (_written, _waiting);
        _waitingBytes = 0;
        _core.WriteBatch(_written);
        _written.Clear();
        return true;
    }

    /// <summary>One bounded piece of work for when nothing waits; false if there is none.</summary>
    public bool IdleStep() => _core.IdleStep();

    /// <inheritdoc/>
    public void Dispose() => _core.Dispose();

    private protected override void Submit(LogCommand command)
    {
        var admitted = _options.Admit(_waiting.Count, _waitingBytes, command.RecordsBytes);
        if (!admitted.IsOk)
        {
            command.Complete(admitted);
            return;
        }
        _waiting.Add(command);
        _waitingBytes += command.RecordsBytes;
    }
}
