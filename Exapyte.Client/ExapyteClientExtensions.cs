using System.Text;
using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>The everyday calls, by text key (as UTF-8) or by bytes. What each answers is that of <see cref="IExapyteClient.ExecuteAsync(string, Operation, CancellationToken)"/>.</summary>
public static class ExapyteClientExtensions
{
    /// <summary>Reads an entry.</summary>
    public static ValueTask<OperationResult> GetAsync(
        this IExapyteClient client,
        string keyspace,
        string key,
        ConsistencyLevel level = ConsistencyLevel.Default,
        CancellationToken cancellationToken = default
    ) => client.GetAsync(keyspace, BytesOf(key), level, cancellationToken);

    /// <summary>Reads an entry.</summary>
    public static ValueTask<OperationResult> GetAsync(
        this IExapyteClient client,
        string keyspace,
        ReadOnlyMemory<byte> key,
        ConsistencyLevel level = ConsistencyLevel.Default,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(client);
        var operation = new Operation
        {
            Kind = OperationKind.Get,
            Key = key,
            Level = level,
        };
        return client.ExecuteAsync(keyspace, operation, cancellationToken);
    }

    /// <summary>Creates or replaces an entry with a text value, media type <c>text/plain; charset=utf-8</c>.</summary>
    public static ValueTask<OperationResult> PutAsync(
        this IExapyteClient client,
        string keyspace,
        string key,
        string value,
        TimeSpan? timeToLive = null,
        WriteCondition? condition = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(value);
        var operation = new Operation
        {
            Kind = OperationKind.Put,
            Key = BytesOf(key),
            Value = Encoding.UTF8.GetBytes(value),
            ContentType = "text/plain; charset=utf-8",
            TtlMs = MillisecondsOf(timeToLive),
            Condition = condition,
        };
        return client.ExecuteAsync(keyspace, operation, cancellationToken);
    }

    /// <summary>Creates or replaces an entry. The bytes must not change until the call has returned.</summary>
    public static ValueTask<OperationResult> PutAsync(
        this IExapyteClient client,
        string keyspace,
        ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> value,
        TimeSpan? timeToLive = null,
        WriteCondition? condition = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(client);
        var operation = new Operation
        {
            Kind = OperationKind.Put,
            Key = key,
            Value = value,
            TtlMs = MillisecondsOf(timeToLive),
            Condition = condition,
        };
        return client.ExecuteAsync(keyspace, operation, cancellationToken);
    }

    /// <summary>Removes an entry; removing an absent one succeeds.</summary>
    public static ValueTask<OperationResult> DeleteAsync(
        this IExapyteClient client,
        string keyspace,
        string key,
        WriteCondition? condition = null,
        CancellationToken cancellationToken = default
    ) => client.DeleteAsync(keyspace, BytesOf(key), condition, cancellationToken);

    /// <summary>Removes an entry; removing an absent one succeeds.</summary>
    public static ValueTask<OperationResult> DeleteAsync(
        this IExapyteClient client,
        string keyspace,
        ReadOnlyMemory<byte> key,
        WriteCondition? condition = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(client);
        var operation = new Operation
        {
            Kind = OperationKind.Delete,
            Key = key,
            Condition = condition,
        };
        return client.ExecuteAsync(keyspace, operation, cancellationToken);
    }

    private static byte[] BytesOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Encoding.UTF8.GetBytes(key);
    }

    /// <summary>A lifetime of less than a millisecond is none that can be kept: it is rounded up.</summary>
    private static long MillisecondsOf(TimeSpan? timeToLive)
    {
        if (timeToLive is not { } span)
        {
            return 0;
        }
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(span, TimeSpan.Zero, nameof(timeToLive));
        return (long)Math.Ceiling(span.TotalMilliseconds);
    }
}
