using System.Text;
using Exapyte.Client.Security;
using Exapyte.Security;
using Exapyte.Wire;

namespace Exapyte.Gateway.Tests.Fixtures;

/// <summary>The owner of the keys and the node's copy in one: what is changed is in force at once.</summary>
internal sealed class InMemoryKeys : IKeyAdministration
{
    private long epoch;

    public KnownKeys Known { get; } = new();

    /// <summary>The control plane's database is down.</summary>
    public bool IsDown { get; set; }

    /// <summary>Named as not having confirmed a change.</summary>
    public string[] Unconfirmed { get; set; } = [];

    public KeyRing Ring => Known.Current ?? new() { Epoch = 0, Keys = [] };

    public Task<KeyRing?> ListAsync(CancellationToken cancellationToken = default) =>
        Task.FromResult(IsDown ? null : Ring);

    public Task<bool> RefreshAsync(KnownKeys known, TimeSpan patience, CancellationToken cancellationToken = default)
    {
        if (!IsDown)
        {
            known.TryTake(Ring);
        }
        return Task.FromResult(!IsDown);
    }

    public Task<KeyReply> AddAsync(ApiKey key, CancellationToken cancellationToken = default) =>
        Task.FromResult(Change([.. Ring.Keys, key]));

    public Task<KeyReply> RevokeAsync(string id, CancellationToken cancellationToken = default) =>
        Task.FromResult(
            Ring.Find(id) is null && !IsDown
                ? new() { Outcome = KeyOutcome.NotFound }
                : Change([.. Ring.Keys.Where(key => key.Id != id)])
        );

    /// <summary>Adds a key; the header that shows it.</summary>
    public string AddBounded(long expiresMs, int requestsPerSecond, params KeyGrant[] grants)
    {
        var secret = KeySecret.Create();
        var key = new ApiKey
        {
            Id = KeySecret.CreateId(),
            Name = "test",
            SecretHash = KeySecret.HashOf(secret),
            ExpiresMs = expiresMs,
            RequestsPerSecond = requestsPerSecond,
            Grants = grants,
        };
        Change([.. Ring.Keys, key]);
        return $"Authorization: Bearer {key.Id}.{secret}";
    }

    public string Add(params KeyGrant[] grants) => AddBounded(0, 0, grants);

    public string AddRoot() => Add(Grant("*", KeyRights.Read | KeyRights.Write | KeyRights.Admin));

    /// <summary>The id in a header that shows a key.</summary>
    public static string IdIn(string header) => header["Authorization: Bearer ".Length..].Split('.')[0];

    public static KeyGrant Grant(string keyspace, KeyRights allow, string prefix = "") =>
        new()
        {
            Keyspace = keyspace,
            Allow = allow,
            Prefix = Encoding.UTF8.GetBytes(prefix),
        };

    private KeyReply Change(ApiKey[] keys)
    {
        if (IsDown)
        {
            return new() { Outcome = KeyOutcome.Unavailable, Reasons = ["The control plane is out of reach."] };
        }
        Known.TryTake(new() { Epoch = ++epoch, Keys = keys });
        return new() { Outcome = KeyOutcome.Ok, Unconfirmed = Unconfirmed };
    }
}
