using System.Net;
using System.Net.Sockets;
using Exapyte.Gateway.Hosting;
using Exapyte.Silo.Hosting;
using Exapyte.Silo.Settings;
using Xunit;
using FreePorts = Exapyte.Testing.Processes.FreePorts;

namespace Exapyte.Silo.Tests.Hosting;

public sealed class PortsTests
{
    [Fact]
    public void Free_ports_are_kept_and_port_0_becomes_a_real_one()
    {
        SiloSettings settings = Settings(http: 0, silo: FreePorts.Next(), gateway: FreePorts.Next());

        (SiloSettings claimed, IReadOnlyList<Refusal> refusals) = Ports.Claim(settings);

        Assert.Empty(refusals);
        Assert.InRange(claimed.Http.Port, 1, 65535);
        Assert.Equal((settings.SiloPort, settings.GatewayPort), (claimed.SiloPort, claimed.GatewayPort));
    }

    [Fact]
    public void Every_taken_port_is_told_with_its_option()
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;

        IReadOnlyList<Refusal> refusals = Ports.Claim(Settings(port, port, port)).Refusals;

        Assert.All(refusals, r => Assert.Equal(ExitCode.Port, r.Code));
        Assert.Equal(
            [
                $"--silo-port: 127.0.0.1:{port} is already in use",
                $"--gateway-port: 127.0.0.1:{port} is already in use",
                $"--http: 127.0.0.1:{port} is already in use",
            ],
            refusals.Select(r => r.Reason)
        );
    }

    [Fact]
    public void An_address_of_another_machine_is_refused() =>
        Assert.Single(
            Ports
                .Claim(
                    Settings(0, FreePorts.Next(), FreePorts.Next()) with
                    {
                        Http = new HttpAddress(IPAddress.Parse("192.0.2.1"), 8080),
                    }
                )
                .Refusals
        );

    private static SiloSettings Settings(int http, int silo, int gateway) =>
        new()
        {
            NodeId = "n1",
            DataFolder = "data",
            Http = new HttpAddress(IPAddress.Loopback, http),
            SiloPort = silo,
            GatewayPort = gateway,
            Region = "default",
            Zone = "default",
            Advertise = IPAddress.Loopback,
        };
}
