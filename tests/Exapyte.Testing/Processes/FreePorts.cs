using System.Net;
using System.Net.Sockets;

namespace Exapyte.Testing.Processes;

/// <summary>
/// Ports for servers that a test starts, kills and starts again under the same number. They lie below the range from
/// which the system takes the local ends of outgoing connections: else, while a killed server is away, a client's
/// connection could come to sit on its port. No port is handed out twice in one process. Thread-safe.
/// </summary>
public static class FreePorts
{
    const int First = 20_000;
    const int Last = 32_000;

    static readonly Lock s_lock = new();
    static int s_next = Random.Shared.Next(First, Last);

    /// <exception cref="InvalidOperationException">The whole range is taken.</exception>
    public static int Next()
    {
        lock (s_lock)
        {
            for (var attempts = First; attempts < Last; attempts++)
            {
                var port = s_next;
                s_next = s_next + 1 < Last ? s_next + 1 : First;
                if (IsFree(port))
                    return port;
            }
        }
        throw new InvalidOperationException($"No free port between {First} and {Last}.");
    }

    static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port) { ExclusiveAddressUse = true };
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
