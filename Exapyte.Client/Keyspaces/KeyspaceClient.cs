using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>
/// One keyspace, with entries as objects. Values are JSON (<see cref="JsonSerializerOptions.Web"/> unless others are given),
/// text or bytes. Thread-safe; cheap to make.
/// </summary>
/// <remarks>
/// What fails throws an <see cref="ExapyteException"/> whose type says why and whether anything may have changed;
/// <c>Try..</c> gives the same as a result. A cancelled token throws <see cref="OperationCanceledException"/>, and a write that
/// was on its way then may or may not have happened. Writes to raft keyspaces carry request ids: a lost node costs a
/// failover, and nothing is applied twice.
/// </remarks>
public sealed partial class KeyspaceClient
{
    internal const string JsonType = "application/json";
    internal const string TextType = "text/plain; charset=utf-8";

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    internal KeyspaceClient(IExapyteClient client, string name, JsonSerializerOptions json)
    {
        Client = client;
        Name = name;
        Json = json;
    }

    /// <summary>The keyspace's name.</summary>
    public string Name { get; }

    internal IExapyteClient Client { get; }

    internal JsonSerializerOptions Json { get; }

    /// <summary>Reads an entry whose value is JSON; null where there is none.</summary>
    /// <exception cref="ExapyteException">It could not be found out.</exception>
    /// <exception cref="JsonException">The value is no JSON of that type.</exception>
    public ValueTask<Entry<T>?> GetAsync<T>(EntryKey key, CancellationToken cancellationToken) =>
        GetAsync<T>(key, options: null, cancellationToken);

    /// <inheritdoc cref="GetAsync{T}(EntryKey, CancellationToken)"/>
    [OverloadResolutionPriority(1)]
    public ValueTask<Entry<T>?> GetAsync<T>(
        EntryKey key,
        ReadOptions? options = null,
        CancellationToken cancellationToken = default
    ) => GetAsync(key, TypeOf<T>(), options, cancellationToken);

    /// <inheritdoc cref="GetAsync{T}(EntryKey, CancellationToken)"/>
    public async ValueTask<Entry<T>?> GetAsync<T>(
        EntryKey key,
        JsonTypeInfo<T> type,
        ReadOptions? options = null,
        CancellationToken cancellationToken = default
    ) => (await TryGetAsync(key, type, options, cancellationToken).ConfigureAwait(false)).EntryOrThrow();

    /// <summary>Reads an entry whose value is JSON, and tells how that ended.</summary>
    /// <exception cref="JsonException">The value is no JSON of that type.</exception>
    [OverloadResolutionPriority(1)]
    public ValueTask<ReadResult<T>> TryGetAsync<T>(
        EntryKey key,
        ReadOptions? options = null,
        CancellationToken cancellationToken = default
    ) => TryGetAsync(key, TypeOf<T>(), options, cancellationToken);

    /// <inheritdoc cref="TryGetAsync{T}(EntryKey, ReadOptions, CancellationToken)"/>
    public ValueTask<ReadResult<T>> TryGetAsync<T>(
        EntryKey key,
        JsonTypeInfo<T> type,
        ReadOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(type);
        return ReadAsync(OperationKind.Get, key, value => Deserialize(value, type), options, cancellationToken);
    }

    /// <summary>Reads an entry whose value is text; null where there is none.</summary>
    /// <exception cref="ExapyteException">It could not be found out.</exception>
    /// <exception cref="DecoderFallbackException">The value is no UTF-8.</exception>
    public async ValueTask<Entry<string>?> GetTextAsync(
        EntryKey key,
        ReadOptions? options = null,
        CancellationToken cancellationToken = default
    ) =>
        (
            await ReadAsync(
                    OperationKind.Get,
                    key,
                    static value => Utf8.GetString(value.Span),
                    options,
                    cancellationToken
                )
                .ConfigureAwait(false)
        ).EntryOrThrow();

    /// <summary>Reads an entry as it is stored; null where there is none.</summary>
    /// <exception cref="ExapyteException">It could not be found out.</exception>
    public async ValueTask<Entry<ReadOnlyMemory<byte>>?> GetBytesAsync(
        EntryKey key,
        ReadOptions? options = null,
        CancellationToken cancellationToken = default
    ) => (await TryGetBytesAsync(key, options, cancellationToken).ConfigureAwait(false)).EntryOrThrow();

    /// <summary>Reads an entry as it is stored, and tells how that ended.</summary>
    public ValueTask<ReadResult<ReadOnlyMemory<byte>>> TryGetBytesAsync(
        EntryKey key,
        ReadOptions? options = null,
        CancellationToken cancellationToken = default
    ) => ReadAsync(OperationKind.Get, key, static value => value, options, cancellationToken);

    /// <summary>Whether there is an entry; its value does not travel.</summary>
    /// <exception cref="ExapyteException">It could not be found out.</exception>
    public async ValueTask<bool> ExistsAsync(
        EntryKey key,
        ReadOptions? options = null,
        CancellationToken cancellationToken = default
    ) =>
        (
            await ReadAsync(OperationKind.Head, key, static _ => true, options, cancellationToken).ConfigureAwait(false)
        ).EntryOrThrow()
            is not null;

    internal static T Deserialize<T>(ReadOnlyMemory<byte> value, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(value.Span, type)!;

    internal JsonTypeInfo<T> TypeOf<T>() => (JsonTypeInfo<T>)Json.GetTypeInfo(typeof(T));

    internal async ValueTask<ReadResult<T>> ReadAsync<T>(
        OperationKind kind,
        EntryKey key,
        Func<ReadOnlyMemory<byte>, T> decode,
        ReadOptions? options,
        CancellationToken cancellationToken
    )
    {
        var operation = new Operation
        {
            Kind = kind,
            Key = key.Bytes,
            Level = options?.Level ?? default,
            MaxStalenessMs = options?.MaxStaleness is { } age ? (long)age.TotalMilliseconds : 0,
        };
        var call = new CallOptions { Timeout = options?.Timeout, Session = options?.Session };
        var (outcome, served) = await Client
            .ExecuteAsync(Name, operation, call, cancellationToken)
            .ConfigureAwait(false);
        var status = EntryStatuses.Of(outcome.Kind);
        return status == EntryStatus.Ok
            ? new(status, new Entry<T>(key, decode(outcome.Value), outcome, served), null)
            : new(status, null, outcome.Detail);
    }
}
