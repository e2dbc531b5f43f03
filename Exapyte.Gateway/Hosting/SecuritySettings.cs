namespace Exapyte.Gateway.Hosting;

/// <summary>Files of a certificate with its key, and of the authority whose certificates the other side must show.</summary>
/// <param name="Certificate">PEM or PFX.</param>
/// <param name="Key">The key as PEM; null: it is in the first file.</param>
/// <param name="Authority">PEM; null: the other side need not show any.</param>
internal sealed record TlsFiles(string Certificate, string? Key, string? Authority)
{
    /// <summary>Of the certificate or its key; null: none.</summary>
    public string? Password { get; init; }
}

/// <summary>Who is let in, and how connections are secured.</summary>
internal sealed record SecuritySettings
{
    /// <summary>Callers of the gateway are asked for a key.</summary>
    public bool AsksForKeys { get; init; }

    /// <summary>The root key that the operator gave; null: one is made at the cluster's first start.</summary>
    public string? RootKey { get; init; }

    /// <summary>Whose tokens are taken beside keys; null: nobody's.</summary>
    public GatewayJwtOptions? Jwt { get; init; }

    /// <summary>TLS of the gateway; null: plain.</summary>
    public TlsFiles? Http { get; init; }

    /// <summary>TLS between nodes and for .NET clients; null: plain.</summary>
    public TlsFiles? Cluster { get; init; }

    /// <summary>Addresses beyond loopback are allowed although not secured.</summary>
    public bool IsInsecure { get; init; }
}
