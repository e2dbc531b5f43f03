using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Client.Backups;

/// <summary>How a restore ended.</summary>
public enum RestoreOutcome
{
    /// <summary>All of it is there.</summary>
    Restored,

    /// <summary>The archive is damaged, cut short, or none.</summary>
    Damaged,

    /// <summary>The keyspace is there already and not empty, or its name or settings are not acceptable.</summary>
    Conflict,

    /// <summary>The cluster did not take it.</summary>
    Failed,

    /// <summary>The archive holds more than the keyspace's quota.</summary>
    QuotaExceeded,
}

/// <summary>The answer to a restore.</summary>
public sealed record RestoreReply
{
    /// <summary>How it ended.</summary>
    public required RestoreOutcome Outcome { get; init; }

    /// <summary>The keyspace restored into.</summary>
    public string Keyspace { get; init; } = "";

    /// <summary>A sentence for a person where it is not <see cref="RestoreOutcome.Restored"/>.</summary>
    public string? Detail { get; init; }

    /// <summary>The keyspace did not exist before.</summary>
    public bool Created { get; init; }

    /// <summary>Entries written.</summary>
    public long Entries { get; init; }

    /// <summary>Entries left out because they had expired since.</summary>
    public long Expired { get; init; }

    /// <summary>For a failure: the keyspace may have been created, or a part of the archive may be in it.</summary>
    public bool IsPartLeft { get; init; }
}

/// <summary>
/// Restores an archive into a new keyspace with the archived settings, or into an existing empty one. Entries keep key,
/// value, content type and expiry; they get new versions. What fails midway deletes a keyspace that it created.
/// </summary>
internal sealed class KeyspaceRestore(IExapyteClient client, TimeProvider time)
{
    private const int TriesMax = 5;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private long entries;
    private long expired;
    private bool wrote;

    /// <summary>Restores; never throws for what is wrong with the archive or the cluster.</summary>
    /// <param name="name">The keyspace; null: as the archive names it.</param>
    /// <param name="archive">The archive.</param>
    /// <param name="cancellationToken">The archive's sender is gone.</param>
    public async Task<RestoreReply> RunAsync(string? name, Stream archive, CancellationToken cancellationToken)
    {
        var reader = new ArchiveReader(archive);
        var (header, fault) = await reader.ReadHeaderAsync(cancellationToken);
        if (header is null)
        {
            return new() { Outcome = RestoreOutcome.Damaged, Detail = fault };
        }
        var keyspace = name ?? header.Keyspace;
        var (created, refusal) = await PrepareAsync(keyspace, header.Settings, cancellationToken);
        if (refusal is not null)
        {
            return refusal;
        }
        RestoreReply? failure = null;
        try
        {
            failure = await FillAsync(keyspace, reader, cancellationToken);
        }
        finally
        {
            if (created && failure?.Outcome != RestoreOutcome.Restored)
            {
                var deleted = await client.DeleteKeyspaceAsync(keyspace, CancellationToken.None);
                created = deleted.Outcome is not (KeyspaceOutcome.Ok or KeyspaceOutcome.NotFound);
                wrote = created;
            }
        }
        return failure with
        {
            Keyspace = keyspace,
            Created = created,
            Entries = entries,
            Expired = expired,
            IsPartLeft = failure.Outcome != RestoreOutcome.Restored && wrote,
        };
    }

    private async Task<(bool Created, RestoreReply? Refusal)> PrepareAsync(
        string keyspace,
        KeyspaceSettings settings,
        CancellationToken cancellationToken
    )
    {
        var found = await client.GetKeyspaceAsync(keyspace, cancellationToken);
        if (found.Outcome == KeyspaceOutcome.Ok)
        {
            // Empty is what no replica holds anything of; a listing of an async keyspace asks only one by itself.
            var level =
                found.Map?.Settings.Replication == ReplicationKind.Async
                    ? ConsistencyLevel.All
                    : ConsistencyLevel.Default;
            var first = new ScanQuery
            {
                EntriesMax = 1,
                KeysOnly = true,
                WithoutChanges = true,
                Level = level,
            };
            var page = await client.ScanAsync(keyspace, first, cancellationToken);
            return page.Kind != OutcomeKind.Ok ? (false, Refused(RestoreOutcome.Failed, page.Detail))
                : page.Entries.Count > 0
                    ? (false, Refused(RestoreOutcome.Conflict, $"The keyspace '{keyspace}' is there and not empty."))
                : (false, null);
        }
        if (found.Outcome != KeyspaceOutcome.NotFound)
        {
            return (false, Refused(RestoreOutcome.Failed, string.Join(' ', found.Reasons)));
        }
        var put = await client.PutKeyspaceAsync(keyspace, settings, CancellationToken.None);
        return put.Outcome switch
        {
            KeyspaceOutcome.Created => (true, null),
            KeyspaceOutcome.Ok => (
                false,
                Refused(RestoreOutcome.Conflict, $"Somebody else created the keyspace '{keyspace}' just now.")
            ),
            // A command that was begun may be completed later.
            KeyspaceOutcome.Unavailable => (
                false,
                Refused(RestoreOutcome.Failed, string.Join(' ', put.Reasons)) with
                {
                    Keyspace = keyspace,
                    IsPartLeft = true,
                }
            ),
            _ => (false, Refused(RestoreOutcome.Conflict, string.Join(' ', put.Reasons))),
        };
    }

    private async Task<RestoreReply> FillAsync(
        string keyspace,
        ArchiveReader reader,
        CancellationToken cancellationToken
    )
    {
        while (true)
        {
            var read = await ReadAsync(reader, cancellationToken);
            if (read.Fault is { } fault)
            {
                return Refused(RestoreOutcome.Damaged, fault);
            }
            if (read.Block is not { } block)
            {
                return new() { Outcome = RestoreOutcome.Restored };
            }
            if (await WriteAsync(keyspace, block.Entries, cancellationToken) is { } failure)
            {
                return failure;
            }
        }
    }

    /// <summary>An archive that its sender gives too slowly, or in a form that cannot be read, is one that is cut short.</summary>
    private static async Task<ArchiveRead> ReadAsync(ArchiveReader reader, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.ReadAsync(cancellationToken);
        }
        catch (IOException exception) when (!cancellationToken.IsCancellationRequested)
        {
            return new(null, $"The archive could not be read to its end: {exception.Message}");
        }
    }

    /// <summary>Writes the entries in batches; the refusal where it fails.</summary>
    private async Task<RestoreReply?> WriteAsync(
        string keyspace,
        IReadOnlyList<StampedEntry> block,
        CancellationToken cancellationToken
    )
    {
        List<Operation> batch = [];
        long bytes = 0;
        foreach (var entry in block)
        {
            if (PutOf(entry) is not { } put)
            {
                expired++;
                continue;
            }
            var own = put.Key.Length + put.Value.Length;
            if (batch.Count == Limits.BatchItemsMax || (batch.Count > 0 && bytes + own > Limits.BatchBytesMax))
            {
                if (await SendAsync(keyspace, batch, cancellationToken) is { } failure)
                {
                    return failure;
                }
                batch = [];
                bytes = 0;
            }
            batch.Add(put);
            bytes += own;
        }
        return batch.Count == 0 ? null : await SendAsync(keyspace, batch, cancellationToken);
    }

    /// <summary>
    /// Sends a batch until all of it is in. Also what may have happened is sent again: nobody else writes here yet, and
    /// putting an entry twice is putting it once.
    /// </summary>
    private async Task<RestoreReply?> SendAsync(
        string keyspace,
        List<Operation> batch,
        CancellationToken cancellationToken
    )
    {
        wrote = true;
        var left = batch;
        for (var tries = 1; ; tries++)
        {
            var results = await client.ExecuteBatchAsync(keyspace, left, atomic: false, cancellationToken);
            var failed = left.Where((_, i) => results[i].Outcome.Kind != OutcomeKind.Ok).ToList();
            entries += left.Count - failed.Count;
            if (failed.Count == 0)
            {
                return null;
            }
            var why = results.First(result => result.Outcome.Kind != OutcomeKind.Ok).Outcome;
            if (why.Kind == OutcomeKind.QuotaExceeded)
            {
                return Refused(RestoreOutcome.QuotaExceeded, why.Detail);
            }
            if (tries == TriesMax || why.Kind is OutcomeKind.Invalid or OutcomeKind.NoSuchKeyspace)
            {
                return Refused(RestoreOutcome.Failed, $"{why.Kind}: {why.Detail}");
            }
            left = failed;
            await Task.Delay(Pause * tries, time, cancellationToken);
        }
    }

    private Operation? PutOf(StampedEntry entry)
    {
        if (entry.ExpiresMs > 0 && entry.ExpiresMs <= time.GetUtcNow().ToUnixTimeMilliseconds())
        {
            return null;
        }
        return new()
        {
            Kind = OperationKind.Put,
            Key = entry.Key,
            Value = entry.Value,
            ContentType = entry.ContentType,
            TtlMs = entry.ExpiresMs == 0 ? Operation.NeverExpires : 0,
            ExpiresAtMs = Math.Min(entry.ExpiresMs, Limits.ExpiresAtMsMax),
        };
    }

    private static RestoreReply Refused(RestoreOutcome outcome, string? detail) =>
        new() { Outcome = outcome, Detail = detail };
}
