using System.Runtime.CompilerServices;
using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>A change of an entry. Its value does not travel: read the entry.</summary>
/// <param name="Key">The key.</param>
/// <param name="Kind">What happened to it.</param>
/// <param name="Version">The version that the change gave it.</param>
/// <param name="Token">Where to go on behind this change.</param>
public sealed record EntryChange(EntryKey Key, ChangeKind Kind, EntryVersion Version, ChangeToken Token);

/// <summary>Watches the changes of a keyspace.</summary>
public static class KeyspaceChanges
{
    /// <summary>
    /// The changes of keys that begin with a prefix, as they are committed: in the order of each shard, each at least once, none
    /// missing. It goes on until it is cancelled.
    /// </summary>
    /// <param name="keyspace">A raft keyspace that keeps changes.</param>
    /// <param name="prefix">What keys begin with; null: all.</param>
    /// <param name="since">Go on behind this place; null: from now.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ChangesCompactedException">Changes behind <paramref name="since"/> are not kept any more: list the entries.</exception>
    /// <exception cref="ExapyteException">The changes cannot be watched, or not any more: go on from the last token.</exception>
    public static async IAsyncEnumerable<EntryChange> ChangesAsync(
        this KeyspaceClient keyspace,
        EntryKey? prefix = null,
        ChangeToken? since = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        var query = new ChangesQuery { Prefix = prefix?.Bytes ?? default, Since = since };
        var parts = keyspace.Client.WatchAsync(keyspace.Name, query, cancellationToken);
        await foreach (var part in parts.ConfigureAwait(false))
        {
            if (part.Kind != OutcomeKind.Ok)
            {
                throw ExapyteException.Of(EntryStatuses.Of(part.Kind), part.Detail, default);
            }
            if (part.Change is { } change)
            {
                yield return new(change.Key, change.Kind, new(change.Version), part.Token!);
            }
        }
    }
}
