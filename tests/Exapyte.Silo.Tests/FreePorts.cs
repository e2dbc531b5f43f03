using System.Net;
using System.Net.Sockets;

namespace Exapyte.Silo.Tests;

internal static class FreePorts
{
    /// <summary>A port that was free a moment ago; the system hands out others before it repeats one.</summary>
    public static int Next()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
