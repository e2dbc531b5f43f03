using Exapyte.Testing.Linearizability;
using Exapyte.Testing.Processes;

namespace Exapyte.Testing.Histories;

/// <summary>What a client asks of one key.</summary>
/// <param name="Kind">Read or write.</param>
/// <param name="Value">What a write leaves behind; 0: nothing.</param>
/// <param name="Condition">What a write needs to find.</param>
/// <param name="ExpectedVersion">The tag that <see cref="KeyCondition.Is"/> asks for.</param>
/// <param name="RequestId">Where it may be sent more than once: what the service knows it by.</param>
public sealed record KeyRequest(
    KeyOperationKind Kind,
    ulong Value = 0,
    KeyCondition Condition = KeyCondition.None,
    string? ExpectedVersion = null,
    string? RequestId = null
)
{
    public static KeyRequest Read { get; } = new(KeyOperationKind.Read);

    public static KeyRequest Delete { get; } = new(KeyOperationKind.Write);

    public static KeyRequest Put(ulong value) => new(KeyOperationKind.Write, value);

    public static KeyRequest PutIfAbsent(ulong value) => new(KeyOperationKind.Write, value, KeyCondition.Absent);

    public KeyRequest IfVersion(string version) => this with { Condition = KeyCondition.Is, ExpectedVersion = version };

    /// <summary>Sends it once.</summary>
    public Task<RestAnswer> SendAsync(RestClient client, string keyspace, string key, string? consistency = null) =>
        this switch
        {
            { Kind: KeyOperationKind.Read } => client.GetAsync(keyspace, key, consistency),
            { Value: 0 } => client.DeleteAsync(keyspace, key, Headers()),
            _ => client.PutAsync(keyspace, key, System.Text.Encoding.UTF8.GetBytes($"{Value}"), Headers()),
        };

    List<RestHeader> Headers()
    {
        List<RestHeader> headers = [];
        if (Condition == KeyCondition.Absent)
            headers.Add(RestHeader.IfAbsent);
        if (ExpectedVersion is not null)
            headers.Add(RestHeader.IfVersion(ExpectedVersion));
        if (RequestId is not null)
            headers.Add(RestHeader.RequestId(RequestId));
        return headers;
    }
}

/// <summary>What a client knows after an answer, or after none.</summary>
public enum RequestEnd
{
    /// <summary>It was done.</summary>
    Done,

    /// <summary>A write whose condition did not hold.</summary>
    ConditionFailed,

    /// <summary>It certainly did not happen, and a read told nothing.</summary>
    Refused,

    /// <summary>A write that may have happened, or may happen yet.</summary>
    Unknown,
}
