using Exapyte.Storage.Log;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// What keeps this node from being of use to anybody who writes, until it is restarted or, for a clock that is wrong, set
/// right. A disk that is full is no such thing: it passes, writes say so themselves, and reads go on. Thread-safe.
/// </summary>
public sealed class NodeHealth
{
    private volatile string? logProblem;
    private volatile string? storeProblem;
    private volatile string? clockProblem;

    /// <summary>One line each; empty while all is well.</summary>
    public IReadOnlyList<string> Problems => [.. new[] { logProblem, storeProblem, clockProblem }.OfType<string>()];

    /// <summary>Takes the log's health as it is now.</summary>
    internal void Observe(LogHealth log) =>
        logProblem =
            log.Condition == LogCondition.Failed
                ? $"The node's log has failed and takes no writes any more: {log.Reason}"
                : null;

    /// <summary>Takes what the others' clocks say of this node's; null where nothing is wrong.</summary>
    internal void ObserveClock(string? problem) => clockProblem = problem;

    /// <summary>The store can make nothing durable any more.</summary>
    internal void StoreFailed(string reason) =>
        storeProblem ??= $"The node's store has failed; restart the node once the disk is well: {reason}";

    /// <summary>The store met damage while it put its files in order, and writes nothing any more.</summary>
    internal void StoreBroke(string reason) =>
        storeProblem =
            $"The node's store is damaged and takes no writes any more; restart the node, which rescues what can be read: {reason}";
}
