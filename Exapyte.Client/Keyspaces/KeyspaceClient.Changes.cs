using System.Globalization;
using System.Text;
using System.Text.Json;
using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>How an increment ended.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Value">The number that the entry is now; 0 where it was not done.</param>
/// <param name="Version">The version written; where the condition was not met the current one.</param>
/// <param name="Created">Whether there was no entry before.</param>
/// <param name="Detail">A sentence for a person, where it was not done.</param>
public readonly record struct IncrementResult(
    EntryStatus Status,
    long Value,
    EntryVersion Version,
    bool Created,
    string? Detail
)
{
    /// <summary>Whether it was done.</summary>
    public bool IsOk => Status == EntryStatus.Ok;

    /// <summary>The result of an increment that was done.</summary>
    /// <exception cref="ExapyteException">It was not, or nobody knows.</exception>
    public IncrementResult ResultOrThrow() => IsOk ? this : throw ExapyteException.Of(Status, Detail, Version);
}

/// <content>What changes entries by what they are. Raft keyspaces only: it is judged where it is applied.</content>
public sealed partial class KeyspaceClient
{
    /// <summary>
    /// Adds to the integer that an entry is, an absent one being 0, and returns the sum. Atomic. A lifetime that the options name
    /// is that of an entry which this creates; one that is there keeps its end.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="by">What is added; below zero it is taken away.</param>
    /// <param name="options">How; a media type must not be named.</param>
    /// <param name="cancellationToken">Ends the waiting; whether it happened is then not known.</param>
    /// <exception cref="PreconditionFailedException">The condition was not met; nothing changed.</exception>
    /// <exception cref="OutcomeUnknownException">It may or may not have happened.</exception>
    /// <exception cref="ExapyteException">Nothing changed; the status says why.</exception>
    public async ValueTask<long> IncrementAsync(
        EntryKey key,
        long by = 1,
        PutOptions? options = null,
        CancellationToken cancellationToken = default
    ) => (await TryIncrementAsync(key, by, options, cancellationToken).ConfigureAwait(false)).ResultOrThrow().Value;

    /// <summary>Adds to the integer that an entry is, and tells how that ended.</summary>
    /// <inheritdoc cref="IncrementAsync"/>
    public async ValueTask<IncrementResult> TryIncrementAsync(
        EntryKey key,
        long by = 1,
        PutOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        var call = new CallOptions { Timeout = options?.Timeout, NamesWrites = true };
        var (outcome, _) = await Client
            .ExecuteAsync(Name, IncrementOf(key, by, options), call, cancellationToken)
            .ConfigureAwait(false);
        return new(
            EntryStatuses.Of(outcome.Kind),
            NumberIn(outcome).GetValueOrDefault(),
            new(outcome.Version),
            outcome.Changed,
            outcome.Detail
        );
    }

    /// <summary>
    /// Changes the JSON that an entry is by a merge patch (RFC 7396): members of the patch take the place of those that are there,
    /// a null removes one, all others stay. An absent entry is created. Atomic. The entry keeps its end unless the options name
    /// one.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="patch">The patch: an object of the members that change, such as <c>new { age = 37 }</c>.</param>
    /// <param name="options">How; a media type must not be named.</param>
    /// <param name="cancellationToken">Ends the waiting; whether it happened is then not known.</param>
    /// <exception cref="PreconditionFailedException">The condition was not met; nothing changed.</exception>
    /// <exception cref="OutcomeUnknownException">It may or may not have happened.</exception>
    /// <exception cref="ExapyteException">Nothing changed; the status says why.</exception>
    public async ValueTask<WriteResult> PatchAsync<T>(
        EntryKey key,
        T patch,
        PutOptions? options = null,
        CancellationToken cancellationToken = default
    ) => (await TryPatchAsync(key, patch, options, cancellationToken).ConfigureAwait(false)).ResultOrThrow();

    /// <summary>Changes the JSON that an entry is by a merge patch, and tells how that ended.</summary>
    /// <inheritdoc cref="PatchAsync"/>
    public ValueTask<WriteResult> TryPatchAsync<T>(
        EntryKey key,
        T patch,
        PutOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        return WriteAsync(PatchOf(key, patch, options), options, cancellationToken);
    }

    /// <summary>
    /// Reads an entry unless it is still at a version that is known: then its value does not travel, and the status is
    /// <see cref="EntryStatus.NotModified"/>.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="known">The version of an earlier read or write.</param>
    /// <param name="options">How it is read.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="JsonException">The value is no JSON of that type.</exception>
    public async ValueTask<ReadResult<T>> GetIfChangedAsync<T>(
        EntryKey key,
        EntryVersion known,
        ReadOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        var head = await ReadAsync(OperationKind.Head, key, static _ => true, options, cancellationToken)
            .ConfigureAwait(false);
        if (head.Status != EntryStatus.Ok)
        {
            return new(head.Status, null, head.Detail);
        }
        return head.Entry!.Version == known
            ? new(EntryStatus.NotModified, null, null)
            : await TryGetAsync<T>(key, options, cancellationToken).ConfigureAwait(false);
    }

    internal static Operation IncrementOf(EntryKey key, long by, PutOptions? options) =>
        ChangeOf(
            OperationKind.Increment,
            key,
            Encoding.ASCII.GetBytes(by.ToString(CultureInfo.InvariantCulture)),
            options
        );

    internal Operation PatchOf<T>(EntryKey key, T patch, PutOptions? options) =>
        ChangeOf(OperationKind.Merge, key, JsonSerializer.SerializeToUtf8Bytes(patch, TypeOf<T>()), options);

    private static long? NumberIn(OperationOutcome outcome) =>
        outcome.Kind == OutcomeKind.Ok
        && long.TryParse(
            outcome.Value.Span,
            NumberStyles.AllowLeadingSign,
            CultureInfo.InvariantCulture,
            out var number
        )
            ? number
            : null;

    private static Operation ChangeOf(OperationKind kind, EntryKey key, byte[] value, PutOptions? options) =>
        options?.ContentType is null
            ? PutOf(key, value, "", options) with
            {
                Kind = kind,
            }
            : throw new InvalidRequestException("The entry keeps its media type: name none.");
}
