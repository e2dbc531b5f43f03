using System.Collections.Concurrent;
using Exapyte.Client.Administration;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Gateway.Tests.Fixtures;

/// <summary>Answers about nodes as it is told, and remembers what it was asked for.</summary>
internal sealed class InMemoryNodes : INodeAdministration
{
    /// <summary>What was commanded, in order.</summary>
    public ConcurrentQueue<string> Commands { get; } = new();

    /// <summary>The answer to every command.</summary>
    public NodeReply Reply { get; set; } = new() { Outcome = NodeOutcome.Ok };

    /// <summary>How the nodes stand; null: nobody knows.</summary>
    public NodesReport? Report { get; set; }

    public Task<NodesReport?> ReportAsync(CancellationToken cancellationToken = default) => Task.FromResult(Report);

    public Task<NodeReply> DrainAsync(string node, CancellationToken cancellationToken = default) =>
        Answer($"drain {node}");

    public Task<NodeReply> ResumeAsync(string node, CancellationToken cancellationToken = default) =>
        Answer($"resume {node}");

    public Task<NodeReply> RemoveAsync(string node, bool force, CancellationToken cancellationToken = default) =>
        Answer(force ? $"give up {node}" : $"remove {node}");

    private Task<NodeReply> Answer(string command)
    {
        Commands.Enqueue(command);
        return Task.FromResult(Reply);
    }
}
