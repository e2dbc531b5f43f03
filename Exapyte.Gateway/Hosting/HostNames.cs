using System.Net;
using System.Net.Sockets;

namespace Exapyte.Gateway.Hosting;

/// <summary>Turns what an operator calls a machine into the one address that is bound.</summary>
internal static class HostNames
{
    private const string Local = "localhost";

    /// <summary>
    /// The address of an IP address or a name, version 4 before 6; <c>localhost</c> is always 127.0.0.1. Null where the name
    /// is not known.
    /// </summary>
    public static IPAddress? Resolve(string host)
    {
        if (IPAddress.TryParse(host, out IPAddress? address))
            return address;
        if (string.Equals(host, Local, StringComparison.OrdinalIgnoreCase))
            return IPAddress.Loopback;
        if (Uri.CheckHostName(host) != UriHostNameType.Dns)
            return null;
        try
        {
            return Dns.GetHostAddresses(host)
                .OrderBy(found => found.AddressFamily != AddressFamily.InterNetwork)
                .FirstOrDefault();
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
