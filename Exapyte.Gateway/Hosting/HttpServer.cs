using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Exapyte.Gateway.Hosting;

/// <summary>Kestrel with a limit on everything and exactly one address.</summary>
internal static class HttpServer
{
    /// <summary>A batch of 4 MiB travels as base64 in JSON; the gateway itself judges the decoded size.</summary>
    private const long BodyBytesMax = 8 * 1024 * 1024;

    private const int ConnectionsMax = 16_384;
    private const int HeaderBytesMax = 64 * 1024;

    /// <summary>Room for a listing: a prefix, two bounds and a cursor, each of 1,024 bytes and percent-encoded.</summary>
    private const int RequestLineBytesMax = 32 * 1024;

    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    public static void Configure(KestrelServerOptions kestrel, HttpAddress address, HttpTls? tls)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = BodyBytesMax;
        kestrel.Limits.MaxConcurrentConnections = ConnectionsMax;
        kestrel.Limits.MaxConcurrentUpgradedConnections = 0;
        kestrel.Limits.MaxRequestHeadersTotalSize = HeaderBytesMax;
        kestrel.Limits.MaxRequestHeaderCount = 100;
        kestrel.Limits.MaxRequestLineSize = RequestLineBytesMax;
        kestrel.Limits.Http2.MaxRequestHeaderFieldSize = RequestLineBytesMax;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
        kestrel.Listen(
            address.Address,
            address.Port,
            listen =>
            {
                if (tls is not null)
                {
                    listen.Protocols = HttpProtocols.Http1AndHttp2;
                    listen.UseHttps(
                        new TlsHandshakeCallbackOptions
                        {
                            HandshakeTimeout = HandshakeTimeout,
                            OnConnection = _ => ValueTask.FromResult(tls.OptionsForConnection()),
                        }
                    );
                }
            }
        );
    }
}
