using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Exapyte.Operations;

namespace Exapyte.Client;

/// <content>What changes entries.</content>
public sealed partial class KeyspaceClient
{
    /// <summary>Creates or replaces an entry with a value as JSON.</summary>
    /// <returns>The version written, and whether the entry was created.</returns>
    /// <exception cref="PreconditionFailedException">The condition was not met; nothing changed.</exception>
    /// <exception cref="OutcomeUnknownException">It may or may not have happened.</exception>
    /// <exception cref="ExapyteException">Nothing changed; the type says why.</exception>
    public ValueTask<WriteResult> PutAsync<T>(EntryKey key, T value, CancellationToken cancellationToken) =>
        PutAsync(key, value, options: null, cancellationToken);

    /// <inheritdoc cref="PutAsync{T}(EntryKey, T, CancellationToken)"/>
    [OverloadResolutionPriority(1)]
    public ValueTask<WriteResult> PutAsync<T>(
        EntryKey key,
        T value,
        PutOptions? options = null,
        CancellationToken cancellationToken = default
    ) => PutAsync(key, value, TypeOf<T>(), options, cancellationToken);

    /// <inheritdoc cref="PutAsync{T}(EntryKey, T, CancellationToken)"/>
    public async ValueTask<WriteResult> PutAsync<T>(
        EntryKey key,
        T value,
        JsonTypeInfo<T> type,
        PutOptions? options = null,
        CancellationToken cancellationToken = default
    ) => (await TryPutAsync(key, value, type, options, cancellationToken).ConfigureAwait(false)).ResultOrThrow();

    /// <summary>Creates or replaces an entry with a value as JSON, and tells how that ended.</summary>
    [OverloadResolutionPriority(1)]
    public ValueTask<WriteResult> TryPutAsync<T>(
        EntryKey key,
        T value,
        PutOptions? options = null,
        CancellationToken cancellationToken = default
    ) => TryPutAsync(key, value, TypeOf<T>(), options, cancellationToken);

    /// <inheritdoc cref="TryPutAsync{T}(EntryKey, T, PutOptions, CancellationToken)"/>
    public ValueTask<WriteResult> TryPutAsync<T>(
        EntryKey key,
        T value,
        JsonTypeInfo<T> type,
        PutOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(type);
        var json = JsonSerializer.SerializeToUtf8Bytes(value, type);
        return WriteAsync(PutOf(key, json, JsonType, options), options, cancellationToken);
    }

    /// <summary>Creates or replaces an entry with text.</summary>
    /// <inheritdoc cref="PutAsync{T}(EntryKey, T, CancellationToken)"/>
    public async ValueTask<WriteResult> PutTextAsync(
        EntryKey key,
        string value,
        PutOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(value);
        var put = PutOf(key, Utf8.GetBytes(value), TextType, options);
        return (await WriteAsync(put, options, cancellationToken).ConfigureAwait(false)).ResultOrThrow();
    }

    /// <summary>Creates or replaces an entry with bytes, which must not change before this has returned.</summary>
    /// <inheritdoc cref="PutAsync{T}(EntryKey, T, CancellationToken)"/>
    public async ValueTask<WriteResult> PutBytesAsync(
        EntryKey key,
        ReadOnlyMemory<byte> value,
        PutOptions? options = null,
        CancellationToken cancellationToken = default
    ) => (await TryPutBytesAsync(key, value, options, cancellationToken).ConfigureAwait(false)).ResultOrThrow();

    /// <summary>
    /// Creates or replaces an entry with bytes, which must not change before this has returned, and tells how that ended.
    /// </summary>
    public ValueTask<WriteResult> TryPutBytesAsync(
        EntryKey key,
        ReadOnlyMemory<byte> value,
        PutOptions? options = null,
        CancellationToken cancellationToken = default
    ) => WriteAsync(PutOf(key, value, "", options), options, cancellationToken);

    /// <summary>Creates or replaces an entry with what a stream holds from its position on, 1 MiB at most.</summary>
    /// <inheritdoc cref="PutAsync{T}(EntryKey, T, CancellationToken)"/>
    public async ValueTask<WriteResult> PutStreamAsync(
        EntryKey key,
        Stream value,
        PutOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(value);
        var bytes = await StreamedValue.ReadAsync(value, cancellationToken).ConfigureAwait(false);
        return await PutBytesAsync(key, bytes, options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes an entry; removing an absent one succeeds, unless a condition asks for it.</summary>
    /// <returns>The version of the removal, and whether there was an entry.</returns>
    /// <exception cref="PreconditionFailedException">The condition was not met; nothing changed.</exception>
    /// <exception cref="OutcomeUnknownException">It may or may not have happened.</exception>
    /// <exception cref="ExapyteException">Nothing changed; the type says why.</exception>
    public async ValueTask<WriteResult> DeleteAsync(
        EntryKey key,
        DeleteOptions? options = null,
        CancellationToken cancellationToken = default
    ) => (await TryDeleteAsync(key, options, cancellationToken).ConfigureAwait(false)).ResultOrThrow();

    /// <summary>Removes an entry, and tells how that ended.</summary>
    public ValueTask<WriteResult> TryDeleteAsync(
        EntryKey key,
        DeleteOptions? options = null,
        CancellationToken cancellationToken = default
    ) => WriteAsync(DeleteOf(key, options), options, cancellationToken);

    /// <summary>
    /// Reads an entry, and creates it where there is none. Of callers at once one creates it (raft keyspaces) and all get
    /// that; <paramref name="create"/> may run for nothing.
    /// </summary>
    /// <exception cref="ExapyteException">It could not be done.</exception>
    /// <exception cref="JsonException">The value that is there is no JSON of that type.</exception>
    public async ValueTask<Entry<T>> GetOrAddAsync<T>(
        EntryKey key,
        Func<CancellationToken, ValueTask<T>> create,
        PutOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(create);
        var read = new ReadOptions { Timeout = options?.Timeout };
        while (true)
        {
            if (await GetAsync<T>(key, read, cancellationToken).ConfigureAwait(false) is { } present)
            {
                return present;
            }
            var value = await create(cancellationToken).ConfigureAwait(false);
            var put = (options ?? new()) with { IfAbsent = true };
            var result = await TryPutAsync(key, value, put, cancellationToken).ConfigureAwait(false);
            if (result.Status != EntryStatus.PreconditionFailed)
            {
                result.ResultOrThrow();
            }
        }
    }

    internal static Operation PutOf(EntryKey key, ReadOnlyMemory<byte> value, string contentType, PutOptions? options)
    {
        var (ttlMs, expiresAtMs) = options?.Lifetime() ?? default;
        return new()
        {
            Kind = OperationKind.Put,
            Key = key.Bytes,
            Value = value,
            ContentType = options?.ContentType ?? contentType,
            TtlMs = ttlMs,
            ExpiresAtMs = expiresAtMs,
            Condition = options?.Condition(),
            Level = options?.Level ?? default,
            RequestId = options?.RequestId,
        };
    }

    internal static Operation DeleteOf(EntryKey key, DeleteOptions? options) =>
        new()
        {
            Kind = OperationKind.Delete,
            Key = key.Bytes,
            Condition = options?.Condition(),
            Level = options?.Level ?? default,
            RequestId = options?.RequestId,
        };

    internal static WriteResult ResultOf(OperationOutcome outcome) =>
        new(EntryStatuses.Of(outcome.Kind), new(outcome.Version), outcome.Changed, outcome.Detail)
        {
            Number = NumberIn(outcome),
        };

    private async ValueTask<WriteResult> WriteAsync(
        Operation operation,
        WriteOptions? options,
        CancellationToken cancellationToken
    )
    {
        var call = new CallOptions
        {
            Timeout = options?.Timeout,
            NamesWrites = true,
            Session = options?.Session,
        };
        var result = await Client.ExecuteAsync(Name, operation, call, cancellationToken).ConfigureAwait(false);
        return ResultOf(result.Outcome);
    }
}
