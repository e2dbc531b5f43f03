using System.IO.Pipelines;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Backups;

/// <summary>How a backup ended.</summary>
/// <param name="Kind">Ok: the archive is whole. Else why it is not: what was written is to be thrown away.</param>
/// <param name="Detail">A sentence for a person where it is not Ok.</param>
/// <param name="Entries">Entries written.</param>
public readonly record struct BackupReply(OutcomeKind Kind, string? Detail, long Entries);

/// <summary>Archives of whole keyspaces. Thread-safe.</summary>
/// <remarks>
/// An archive holds each shard as it was at one moment; the shards are read one after another while service goes on.
/// It is checksummed throughout: one that is damaged or cut short is refused.
/// </remarks>
public static class KeyspaceBackups
{
    /// <summary>The media type of an archive.</summary>
    public const string MediaType = ArchiveFormat.MediaType;

    /// <summary>Writes a keyspace's archive.</summary>
    /// <param name="client">The client.</param>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="output">Where it goes; flushed as it grows, not completed. Nothing is written where the first shard cannot be read.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">The reader is gone.</param>
    public static async Task<BackupReply> BackupAsync(
        this IExapyteClient client,
        string keyspace,
        PipeWriter output,
        TimeProvider time,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(time);
        var archive = new ArchiveWriter(output);
        SnapshotPart? first = null;
        var begun = false;
        await foreach (var part in client.ReadSnapshotAsync(keyspace, cancellationToken))
        {
            if (part.Kind != OutcomeKind.Ok)
            {
                return new(part.Kind, part.Detail, archive.Entries);
            }
            if (first is null)
            {
                first = part;
                continue;
            }
            if (!begun)
            {
                var createdMs = time.GetUtcNow().ToUnixTimeMilliseconds();
                // A range keyspace comes back with the bounds that it has, not with those that it began with.
                var settings = first.Map!.Settings with
                {
                    SplitKeys = SplitKeys.Of(first.Map),
                };
                archive.WriteHeader(new(ArchiveFormat.Version, keyspace, createdMs, settings));
                begun = true;
            }
            archive.WriteBlock(new(part.Shard, part.Revision, part.Entries));
            await output.FlushAsync(cancellationToken);
        }
        archive.WriteTrailer();
        await output.FlushAsync(cancellationToken);
        return new(OutcomeKind.Ok, null, archive.Entries);
    }

    /// <summary>
    /// Restores an archive into a new keyspace with the archived settings, or into an existing empty one. Entries keep
    /// key, value, content type and expiry; they get new versions.
    /// </summary>
    /// <param name="client">The client.</param>
    /// <param name="keyspace">The keyspace; null: as the archive names it.</param>
    /// <param name="archive">The archive.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">The archive's sender is gone.</param>
    public static Task<RestoreReply> RestoreAsync(
        this IExapyteClient client,
        string? keyspace,
        Stream archive,
        TimeProvider time,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(archive);
        ArgumentNullException.ThrowIfNull(time);
        return new KeyspaceRestore(client, time).RunAsync(keyspace, archive, cancellationToken);
    }
}
