using System.Net;
using System.Net.Sockets;

namespace Exapyte.Gateway.Hosting;

/// <summary>Tries a port before anything starts, so that a taken one is a line for the operator.</summary>
internal static class ListenPort
{
    /// <summary>The port, a picked one in place of 0; where it cannot be had a refusal is added.</summary>
    public static int Try(Setting setting, IPAddress address, int port, List<Refusal> refusals)
    {
        using Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(1);
            return ((IPEndPoint)socket.LocalEndPoint!).Port;
        }
        catch (SocketException e)
        {
            string reason = e.SocketErrorCode == SocketError.AddressAlreadyInUse ? "is already in use" : e.Message;
            refusals.Add(new(ExitCode.Port, $"{setting.Option}: {new IPEndPoint(address, port)} {reason}"));
            return port;
        }
    }
}
