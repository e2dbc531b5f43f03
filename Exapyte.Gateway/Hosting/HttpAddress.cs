using System.Net;

namespace Exapyte.Gateway.Hosting;

/// <summary>Where the gateway listens. <c>localhost</c> is read as 127.0.0.1: one address, one port, no surprise.</summary>
internal readonly record struct HttpAddress(IPAddress Address, int Port, bool IsTls = false)
{
    public Uri ToUri() => new UriBuilder(IsTls ? Uri.UriSchemeHttps : Uri.UriSchemeHttp, Address.ToString(), Port).Uri;
}
