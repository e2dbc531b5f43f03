using System.Runtime.CompilerServices;
using System.Text.Json;
using Exapyte.Client.Queries;
using Exapyte.Operations;
using Exapyte.Queries;
using Exapyte.Queries.Values;

namespace Exapyte.Client;

/// <summary>Which entries are listed, and how. Immutable.</summary>
public sealed record ScanOptions
{
    /// <summary>Only keys that begin with this; null: all.</summary>
    public EntryKey? Prefix { get; init; }

    /// <summary>First key, inclusive; null: from the beginning.</summary>
    public EntryKey? Start { get; init; }

    /// <summary>Last key, exclusive; null: to the end.</summary>
    public EntryKey? End { get; init; }

    /// <summary>From the end towards the beginning.</summary>
    public bool Reverse { get; init; }

    /// <summary>
    /// Keys that hold this behind the prefix are left out, and what they have in common through its first occurrence is listed
    /// instead, once each (<see cref="KeyspaceListings.ScanFoldedAsync"/>); 1 to 64 bytes; null: all keys are listed.
    /// </summary>
    public EntryKey? Delimiter { get; init; }

    /// <summary>Entries read at once, 1 to 1,000.</summary>
    public int PageEntries { get; init; } = Limits.PageEntriesDefault;

    /// <summary>How strongly each page is answered; by default as the keyspace says.</summary>
    public ConsistencyLevel Level { get; init; }

    /// <summary>For <see cref="ConsistencyLevel.Bounded"/>: the greatest acceptable age of each page, more than zero.</summary>
    public TimeSpan? MaxStaleness { get; init; }

    /// <summary>As <see cref="CallOptions.Session"/>.</summary>
    public ClientSession? Session { get; init; }
}

/// <summary>A key of a folded listing, or what several keys have in common.</summary>
/// <param name="Key">The key; or the common prefix, its delimiter included.</param>
/// <param name="IsPrefix">Whether it is a common prefix.</param>
public readonly record struct FoldedKey(EntryKey Key, bool IsPrefix);

/// <summary>
/// Lists and queries the entries of a keyspace. A key that is present throughout is met exactly once; entries that come and go
/// meanwhile may or may not be met. Pages are read as they are needed.
/// </summary>
public static class KeyspaceListings
{
    /// <summary>Entries of keys that begin with a prefix, in the order of their keys, with values as JSON.</summary>
    /// <exception cref="ExapyteException">A page could not be read.</exception>
    /// <exception cref="JsonException">A value is no JSON of that type.</exception>
    public static IAsyncEnumerable<Entry<T>> ScanAsync<T>(
        this KeyspaceClient keyspace,
        EntryKey? prefix = null,
        CancellationToken cancellationToken = default
    ) => keyspace.ScanAsync<T>(new ScanOptions { Prefix = prefix }, cancellationToken);

    /// <inheritdoc cref="ScanAsync{T}(KeyspaceClient, EntryKey?, CancellationToken)"/>
    [OverloadResolutionPriority(1)]
    public static IAsyncEnumerable<Entry<T>> ScanAsync<T>(
        this KeyspaceClient keyspace,
        ScanOptions options,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        var type = keyspace.TypeOf<T>();
        return keyspace.EntriesAsync(
            options,
            keysOnly: false,
            value => KeyspaceClient.Deserialize(value, type),
            cancellationToken
        );
    }

    /// <summary>Entries as they are stored, in the order of their keys.</summary>
    /// <exception cref="ExapyteException">A page could not be read.</exception>
    public static IAsyncEnumerable<Entry<ReadOnlyMemory<byte>>> ScanBytesAsync(
        this KeyspaceClient keyspace,
        ScanOptions? options = null,
        CancellationToken cancellationToken = default
    ) => keyspace.EntriesAsync(options ?? new(), keysOnly: false, static value => value, cancellationToken);

    /// <summary>Keys in their order; values do not travel.</summary>
    /// <exception cref="ExapyteException">A page could not be read.</exception>
    public static async IAsyncEnumerable<EntryKey> ScanKeysAsync(
        this KeyspaceClient keyspace,
        ScanOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        var entries = keyspace.EntriesAsync(options ?? new(), keysOnly: true, static value => value, cancellationToken);
        await foreach (var entry in entries.ConfigureAwait(false))
        {
            yield return entry.Key;
        }
    }

    /// <summary>
    /// Entries, and in their order what the keys that hold <see cref="ScanOptions.Delimiter"/> have in common: as a folder lists
    /// its files and folders. Values do not travel.
    /// </summary>
    /// <exception cref="ArgumentException">The options name no delimiter.</exception>
    /// <exception cref="ExapyteException">A page could not be read.</exception>
    public static async IAsyncEnumerable<FoldedKey> ScanFoldedAsync(
        this KeyspaceClient keyspace,
        ScanOptions options,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Delimiter is not { Bytes.IsEmpty: false })
        {
            throw new ArgumentException("The options must name a delimiter.", nameof(options));
        }
        await foreach (
            var page in keyspace.PagesAsync(options, keysOnly: true, cancellationToken).ConfigureAwait(false)
        )
        {
            foreach (var (key, entry) in page.InOrder(options.Reverse))
            {
                yield return new FoldedKey(key, IsPrefix: entry is null);
            }
        }
    }

    /// <summary>
    /// Entries for which an expression is true, in the order of their keys: <c>"doc.age >= @min"</c> with
    /// <c>new { min = 30 }</c>. Every entry whose key can match is examined.
    /// </summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="where">The expression, as the REST contract has it.</param>
    /// <param name="parameters">An object whose members, as JSON, are the values of <c>@name</c>; null: none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="QueryException">The expression cannot be run as it is written; it says where.</exception>
    /// <exception cref="ExapyteException">A page could not be read.</exception>
    public static async IAsyncEnumerable<Entry<T>> QueryAsync<T>(
        this KeyspaceClient keyspace,
        string where,
        object? parameters = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        var query = new Query { Where = where, Parameters = ParametersOf(parameters, keyspace.Json) };
        var plan = QueryPlan.Compile(query);
        var type = keyspace.TypeOf<T>();
        var options = new QueryOptions { AllowScan = true };
        do
        {
            var page = await keyspace
                .Client.QueryAsync(keyspace.Name, plan, options, cancellationToken)
                .ConfigureAwait(false);
            Demand(page.Kind, page.Detail);
            foreach (var row in page.Rows)
            {
                var value = KeyspaceClient.Deserialize(row.Item!.Entry.Value, type);
                yield return new Entry<T>(row.Item.Key, value, row.Item.Entry, page.Served);
            }
            options = options with { After = page.End, KeyspaceId = page.KeyspaceId };
        } while (!options.After.IsEmpty);
    }

    private static async IAsyncEnumerable<Entry<T>> EntriesAsync<T>(
        this KeyspaceClient keyspace,
        ScanOptions options,
        bool keysOnly,
        Func<ReadOnlyMemory<byte>, T> decode,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ArgumentNullException.ThrowIfNull(options);
        await foreach (var page in keyspace.PagesAsync(options, keysOnly, cancellationToken).ConfigureAwait(false))
        {
            foreach (var listed in page.Entries)
            {
                yield return new Entry<T>(listed.Key, decode(listed.Entry.Value), listed.Entry, page.Served);
            }
        }
    }

    private static async IAsyncEnumerable<ScanPage> PagesAsync(
        this KeyspaceClient keyspace,
        ScanOptions options,
        bool keysOnly,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        var query = new ScanQuery
        {
            Prefix = options.Prefix?.Bytes ?? default,
            Start = options.Start?.Bytes ?? default,
            End = options.End?.Bytes,
            Reverse = options.Reverse,
            Delimiter = options.Delimiter?.Bytes ?? default,
            EntriesMax = options.PageEntries,
            KeysOnly = keysOnly,
            Level = options.Level,
            MaxStalenessMs = options.MaxStaleness is { } age ? (long)age.TotalMilliseconds : 0,
            Session = options.Session,
            WithoutChanges = true,
        };
        while (true)
        {
            var page = await keyspace.Client.ScanAsync(keyspace.Name, query, cancellationToken).ConfigureAwait(false);
            Demand(page.Kind, page.Detail);
            yield return page;
            if (!page.More || page.Last(query.Reverse) is not { } last)
            {
                yield break;
            }
            query = query with { After = last, KeyspaceId = page.KeyspaceId };
        }
    }

    private static void Demand(OutcomeKind kind, string? detail)
    {
        if (kind != OutcomeKind.Ok)
        {
            throw ExapyteException.Of(EntryStatuses.Of(kind), detail, default);
        }
    }

    private static Dictionary<string, Value> ParametersOf(object? parameters, JsonSerializerOptions json)
    {
        Dictionary<string, Value> values = new(StringComparer.Ordinal);
        if (parameters is null)
        {
            return values;
        }
        var document = JsonSerializer.SerializeToElement(parameters, parameters.GetType(), json);
        if (document.ValueKind != JsonValueKind.Object)
        {
            throw new ArgumentException("The parameters must be an object of names and values.", nameof(parameters));
        }
        foreach (var member in document.EnumerateObject())
        {
            var value = ValueJson.Read(member.Value);
            values[member.Name] = value.IsUnknown
                ? throw new ArgumentException(
                    $"The parameter {member.Name} is a number that fits neither 64 bits nor a double.",
                    nameof(parameters)
                )
                : value;
        }
        return values;
    }
}
