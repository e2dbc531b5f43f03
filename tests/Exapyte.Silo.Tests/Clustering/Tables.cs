using System.Net;
using Exapyte.Hosting.Clustering;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Runtime.MembershipService;

namespace Exapyte.Silo.Tests.Clustering;

/// <summary>Orleans' own membership table over our scripts, as several processes would each open it.</summary>
internal static class Tables
{
    public static async Task<IMembershipTable> OpenAsync(ClusterDatabase database, string clusterId = "exapyte")
    {
        AdoNetClusteringTable table = new(
            new ServiceCollection().BuildServiceProvider(),
            Options.Create(new ClusterOptions { ClusterId = clusterId, ServiceId = clusterId }),
            Options.Create(
                new AdoNetClusteringSiloOptions { Invariant = database.Invariant, DataSource = database.DataSource }
            ),
            NullLogger<AdoNetClusteringTable>.Instance
        );
        await table.InitializeMembershipTableAsync(true, CancellationToken.None);
        return table;
    }

    public static async Task<MembershipTableData> ReadAsync(this IMembershipTable table) =>
        await table.ReadAllAsync(CancellationToken.None);

    public static async Task<bool> InsertAsync(this IMembershipTable table, MembershipEntry entry, TableVersion read) =>
        await table.InsertRowAsync(entry, read.Next(), CancellationToken.None);

    /// <summary>Writes on the view that was read; rows carry the ETag with which they came.</summary>
    public static async Task<bool> UpdateAsync(
        this IMembershipTable table,
        MembershipEntry entry,
        MembershipTableData read
    )
    {
        string etag = read.Members.FirstOrDefault(m => m.Item1.SiloAddress.Equals(entry.SiloAddress))?.Item2 ?? "0";
        return await table.UpdateRowAsync(entry, etag, read.Version.Next(), CancellationToken.None);
    }

    public static MembershipEntry Entry(string name, int port, SiloStatus status = SiloStatus.Joining)
    {
        DateTime now = new(2026, 1, 2, 3, 4, 5, 678, DateTimeKind.Utc);
        return new MembershipEntry
        {
            SiloAddress = SiloAddress.New(IPAddress.Loopback, port, 7),
            SiloName = name,
            HostName = "host",
            Status = status,
            ProxyPort = port + 1,
            StartTime = now,
            IAmAliveTime = now,
            SuspectTimes = [],
        };
    }
}
