using System.Collections.Concurrent;
using System.Text;
using Exapyte.Client.Administration;
using Exapyte.Wire;

namespace Exapyte.Gateway.Tests.Fixtures;

/// <summary>Answers about splits as it is told, and remembers what it was asked for.</summary>
internal sealed class InMemoryShards : IShardAdministration
{
    /// <summary>Keyspace and key of each split, in order.</summary>
    public ConcurrentQueue<(string Keyspace, string Key)> Splits { get; } = new();

    /// <summary>The answer to every split.</summary>
    public SplitReply Reply { get; set; } = new() { Outcome = SplitOutcome.NotFound };

    public Task<SplitReply> SplitAsync(
        string keyspace,
        ReadOnlyMemory<byte> key,
        CancellationToken cancellationToken = default
    )
    {
        Splits.Enqueue((keyspace, Encoding.Latin1.GetString(key.Span)));
        return Task.FromResult(Reply);
    }
}
