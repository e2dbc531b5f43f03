using System.Net;
using System.Net.Sockets;
using Exapyte.Silo.Settings;

namespace Exapyte.Silo.Hosting;

/// <summary>
/// Tries the three ports before anything starts: a taken one is then a line for the operator, and the silo has not
/// joined a cluster that it must leave again.
/// </summary>
internal static class Ports
{
    /// <summary>Returns the settings with a picked port in place of 0, or every port that cannot be had.</summary>
    public static (SiloSettings Settings, IReadOnlyList<Refusal> Refusals) Claim(SiloSettings settings)
    {
        List<Refusal> refusals = [];
        Try(Setting.SiloPort, settings.Advertise, settings.SiloPort, refusals);
        Try(Setting.GatewayPort, settings.Advertise, settings.GatewayPort, refusals);
        int httpPort = Try(Setting.Http, settings.Http.Address, settings.Http.Port, refusals);
        return (settings with { Http = settings.Http with { Port = httpPort } }, refusals);
    }

    private static int Try(Setting setting, IPAddress address, int port, List<Refusal> refusals)
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
