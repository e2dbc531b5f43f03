using System.Text.Json;
using Exapyte.Keyspaces;
using Exapyte.Wire;

namespace Exapyte.Client;

/// <summary>The way from the client to a keyspace.</summary>
public static class KeyspaceClientExtensions
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(200);

    /// <summary>A keyspace, with entries as objects. Nothing is asked: whether it exists shows with the first call.</summary>
    /// <param name="client">The client.</param>
    /// <param name="name">The keyspace's name.</param>
    /// <param name="json">How values become JSON; null: <see cref="JsonSerializerOptions.Web"/>.</param>
    public static KeyspaceClient Keyspace(this IExapyteClient client, string name, JsonSerializerOptions? json = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrEmpty(name);
        return new(client, name, json ?? JsonSerializerOptions.Web);
    }

    /// <summary>A batch of writes, to be filled and sent.</summary>
    public static KeyspaceBatch Batch(this KeyspaceClient keyspace)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        return new(keyspace);
    }

    /// <summary>
    /// Creates a keyspace where there is none; safe for many at once. One that is there is left as it is, if what is fixed at
    /// creation is as asked.
    /// </summary>
    /// <param name="client">The client.</param>
    /// <param name="name">The keyspace's name.</param>
    /// <param name="settings">Its settings; null: the defaults.</param>
    /// <param name="timeout">Longest time; null: half a minute.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidRequestException">Name or settings are not acceptable; every reason is told.</exception>
    /// <exception cref="KeyspaceDiffersException">It is there, and fixed to be another one.</exception>
    /// <exception cref="UnavailableException">It could not be created in time.</exception>
    public static async Task<KeyspaceClient> EnsureKeyspaceAsync(
        this IExapyteClient client,
        string name,
        KeyspaceSettings? settings = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        var keyspace = client.Keyspace(name);
        var wanted = settings ?? new();
        var deadline = TimeProvider.System.GetTimestamp();
        var patience = timeout ?? TimeSpan.FromSeconds(30);
        while (true)
        {
            var reply = await client.GetKeyspaceAsync(name, cancellationToken).ConfigureAwait(false);
            if (reply.Outcome == KeyspaceOutcome.NotFound)
            {
                reply = await client.PutKeyspaceAsync(name, wanted, cancellationToken).ConfigureAwait(false);
            }
            switch (reply.Outcome)
            {
                case KeyspaceOutcome.Ok or KeyspaceOutcome.Created when reply.Map is { } map:
                    KeyspaceDiffersException.ThrowWhere(name, map.Settings, wanted);
                    return keyspace;
                case KeyspaceOutcome.Invalid or KeyspaceOutcome.Conflict:
                    throw new InvalidRequestException(string.Join(' ', reply.Reasons));
                default:
                    break;
            }
            if (TimeProvider.System.GetElapsedTime(deadline) > patience)
            {
                throw new UnavailableException(
                    $"The keyspace {name} could not be created in time. {string.Join(' ', reply.Reasons)}".TrimEnd()
                );
            }
            await Task.Delay(Retry, cancellationToken).ConfigureAwait(false);
        }
    }
}

/// <summary>The keyspace is there, and what is fixed at its creation is not as asked.</summary>
public sealed class KeyspaceDiffersException : ExapyteException
{
    private KeyspaceDiffersException(string message)
        : base(EntryStatus.Invalid, message) { }

    internal static void ThrowWhere(string name, KeyspaceSettings present, KeyspaceSettings wanted)
    {
        (string Setting, object? Present, object? Wanted)[] fixedOnes =
        [
            ("replication", present.Replication, wanted.Replication),
            ("distribution", present.Distribution, wanted.Distribution),
            ("shards", present.Shards, wanted.Shards),
            ("storage", present.Storage, wanted.Storage),
            ("partitionDelimiter", present.PartitionDelimiter, wanted.PartitionDelimiter),
            ("splitKeys", present.SplitKeys, wanted.SplitKeys),
        ];
        List<string> differences =
        [
            .. fixedOnes
                .Where(one => !Equals(one.Present, one.Wanted))
                .Select(one => $"{one.Setting} is {one.Present ?? "none"} and not {one.Wanted ?? "none"}"),
        ];
        if (differences.Count > 0)
        {
            throw new KeyspaceDiffersException(
                $"The keyspace {name} is there already, and is fixed to be another one: {string.Join(", ", differences)}."
            );
        }
    }
}
