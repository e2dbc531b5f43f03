using System.Net;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace Exapyte.Hosting.Clustering;

/// <summary>Who this silo is, as Orleans' own details say it, but with a generation that never goes back.</summary>
internal sealed class LocalSilo(
    int generation,
    IOptions<SiloOptions> silo,
    IOptions<ClusterOptions> cluster,
    IOptions<EndpointOptions> endpoints
) : ILocalSiloDetails
{
    public string Name => silo.Value.SiloName;

    public string ClusterId => cluster.Value.ClusterId;

    public string DnsHostName { get; } = Dns.GetHostName();

    public SiloAddress SiloAddress { get; } =
        SiloAddress.New(endpoints.Value.AdvertisedIPAddress!, endpoints.Value.SiloPort, generation);

    public SiloAddress GatewayAddress { get; } =
        SiloAddress.New(endpoints.Value.AdvertisedIPAddress!, endpoints.Value.GatewayPort, 0);
}
