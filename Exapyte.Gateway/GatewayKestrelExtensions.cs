using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Exapyte.Gateway;

/// <summary>Prepares Kestrel for the gateway.</summary>
public static class GatewayKestrelExtensions
{
    /// <summary>Most connections at once, where none is named: each holds buffers, and Kestrel itself sets no bound.</summary>
    public const int ConnectionsMaxDefault = 10_000;

    // A listing's target may hold a prefix and two bounds of 1,024 bytes, percent-encoded, and a cursor over them.
    private const int RequestLineBytesMax = 32 << 10;
    private const int RequestHeadersBytesMax = 64 << 10;

    /// <summary>Bounds connections, and takes targets as long as listings need them.</summary>
    /// <param name="kestrel">The server's options.</param>
    /// <param name="connectionsMax">Most connections at once; 1 or more.</param>
    public static void LimitForExapyte(this KestrelServerOptions kestrel, int connectionsMax = ConnectionsMaxDefault)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        ArgumentOutOfRangeException.ThrowIfLessThan(connectionsMax, 1);
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = connectionsMax;
        kestrel.Limits.MaxRequestLineSize = RequestLineBytesMax;
        kestrel.Limits.MaxRequestHeadersTotalSize = RequestHeadersBytesMax;
        kestrel.Limits.Http2.MaxRequestHeaderFieldSize = RequestLineBytesMax;
    }

    /// <summary>
    /// Refuses every address that other machines reach: nobody is authenticated yet. Start-up fails with
    /// <see cref="InvalidOperationException"/> that names the address. It is Kestrel's endpoint default: call it before
    /// endpoints are named in code, and set no other.
    /// </summary>
    public static void ListenOnLoopbackOnly(this KestrelServerOptions kestrel)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        kestrel.ConfigureEndpointDefaults(listen =>
        {
            if (listen.EndPoint is IPEndPoint address && !IPAddress.IsLoopback(address.Address))
            {
                throw new InvalidOperationException(
                    $"The gateway would listen on {address}, where other machines reach it, and it authenticates nobody. "
                        + "Bind 127.0.0.1, [::1] or localhost, or start with --insecure."
                );
            }
        });
    }
}
