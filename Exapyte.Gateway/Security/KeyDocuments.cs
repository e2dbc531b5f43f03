using System.Text;
using System.Text.Unicode;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Routing;
using Exapyte.Security;

namespace Exapyte.Gateway.Security;

/// <summary>POST /v1/keys: the only time that the secret is shown.</summary>
internal sealed record NewKeyDocument(string Id, string Secret);

/// <summary>A grant: <c>prefix</c> where it is UTF-8, else <c>prefix64</c>; neither for the whole keyspace.</summary>
internal sealed record GrantDocument(string Keyspace, string? Prefix, string? Prefix64, IReadOnlyList<string> Allow)
{
    public static GrantDocument Of(KeyGrant grant)
    {
        var prefix = grant.Prefix.Span;
        var isText = Utf8.IsValid(prefix);
        return new(
            grant.Keyspace,
            prefix.IsEmpty || !isText ? null : Encoding.UTF8.GetString(prefix),
            isText ? null : Base64Text.Encode(prefix),
            [.. RightNames.All.Where(right => grant.Allow.HasFlag(right.Right)).Select(right => right.Name)]
        );
    }
}

/// <summary>GET /v1/keys/{id}.</summary>
internal sealed record KeyDocument(
    string Id,
    string Name,
    string Created,
    string? Expires,
    int? RequestsPerSecond,
    IReadOnlyList<GrantDocument> Grants
)
{
    public static KeyDocument Of(ApiKey key) =>
        new(
            key.Id,
            key.Name,
            Timestamps.Rfc3339(key.CreatedMs),
            key.ExpiresMs == 0 ? null : Timestamps.Rfc3339(key.ExpiresMs),
            key.RequestsPerSecond == 0 ? null : key.RequestsPerSecond,
            [.. key.Grants.Select(GrantDocument.Of)]
        );
}

/// <summary>GET /v1/keys.</summary>
internal sealed record KeysDocument(IReadOnlyList<KeyDocument> Keys);

/// <summary>DELETE /v1/keys/{id} where live nodes have not confirmed it yet.</summary>
internal sealed record RevocationDocument(IReadOnlyList<string> Unconfirmed);

/// <summary>The names of rights in JSON.</summary>
internal static class RightNames
{
    /// <summary>Each right with its name.</summary>
    public static readonly IReadOnlyList<(string Name, KeyRights Right)> All =
    [
        ("read", KeyRights.Read),
        ("write", KeyRights.Write),
        ("admin", KeyRights.Admin),
    ];
}
