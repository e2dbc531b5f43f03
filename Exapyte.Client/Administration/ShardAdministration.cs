using Exapyte.Wire;

namespace Exapyte.Client.Administration;

/// <summary>Changes how keyspaces are cut into shards. Thread-safe; expected failures are outcomes.</summary>
public interface IShardAdministration
{
    /// <summary>
    /// Splits the shard of a key there, in a range keyspace: what lies from the key on becomes a shard of its own. Answers once
    /// that is decided for good; it happens a moment later.
    /// </summary>
    /// <param name="keyspace">The keyspace's name.</param>
    /// <param name="key">The first key of the new shard.</param>
    /// <param name="cancellationToken">Ends the wait, not the split.</param>
    Task<SplitReply> SplitAsync(
        string keyspace,
        ReadOnlyMemory<byte> key,
        CancellationToken cancellationToken = default
    );
}

/// <summary>See <see cref="IShardAdministration"/>.</summary>
internal sealed class ShardAdministration(IGrainFactory grains, GrainCalls calls) : IShardAdministration
{
    public async Task<SplitReply> SplitAsync(
        string keyspace,
        ReadOnlyMemory<byte> key,
        CancellationToken cancellationToken = default
    ) =>
        (
            await calls.TryAsync(
                () => grains.GetGrain<IKeyspaceGrain>(keyspace).Split(key.ToArray()),
                cancellationToken
            )
        ).Value
        ?? new()
        {
            Outcome = SplitOutcome.Unavailable,
            Reason = "The control plane did not answer; the shard may or may not be split. GET its shards shows it.",
            InDoubt = true,
        };
}
