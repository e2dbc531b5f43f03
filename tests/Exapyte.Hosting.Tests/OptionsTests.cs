using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Exapyte.Hosting.Tests;

/// <summary>What is missing from the options, or contradicts, is named at once and before anything is opened.</summary>
public sealed class OptionsTests
{
    [Fact]
    public void Options_that_lack_all_are_refused_with_every_reason()
    {
        var failure = Refusal(options =>
        {
            options.Region = "";
            options.Zone = "Not A Zone";
            options.AdvertisedAddress = "0.0.0.0";
            options.SiloPort = options.GatewayPort = 0;
            options.ConnectionString = "Data Source=cluster.db";
            options.MaxClockSkew = TimeSpan.Zero;
            options.ProbeTimeout = TimeSpan.FromMinutes(1);
            options.ScrubInterval = TimeSpan.FromDays(-1);
            options.MemoryBytesMax = 0;
            options.Weight = 101;
        });

        string[] named =
        [
            "Node is missing",
            "Region is missing",
            "Zone 'Not A Zone'",
            "DataFolder is missing",
            "AdvertisedAddress '0.0.0.0'",
            "SiloPort must be",
            "GatewayPort must be",
            "GatewayPort 0 is the SiloPort",
            "ConnectionString is given",
            "MaxClockSkew must be",
            "ProbeTimeout must be",
            "ScrubInterval must not",
            "MemoryBytesMax must be",
            "Weight must be",
        ];
        Assert.Equal(named.Length, failure.Failures.Count());
        Assert.All(
            named,
            name => Assert.Contains(failure.Failures, reason => reason.StartsWith(name, StringComparison.Ordinal))
        );
    }

    [Theory]
    [InlineData(ExapyteClustering.Sqlite, "")]
    [InlineData(ExapyteClustering.Sqlite, "Data Source=:memory:")]
    [InlineData(ExapyteClustering.Sqlite, "Host=db")]
    [InlineData(ExapyteClustering.Postgres, "Database=exapyte")]
    [InlineData(ExapyteClustering.Postgres, "Data Source=cluster.db;Password=secret")]
    public void A_database_that_cannot_be_shared_is_refused_without_telling_its_password(
        ExapyteClustering clustering,
        string connectionString
    )
    {
        var failure = Refusal(options =>
        {
            options.Node = "n1";
            options.DataFolder = "data";
            options.Clustering = clustering;
            options.ConnectionString = connectionString;
        });

        var reason = Assert.Single(failure.Failures);
        Assert.StartsWith("ConnectionString", reason);
        Assert.DoesNotContain("secret", reason);
    }

    [Fact]
    public void An_address_beyond_loopback_is_refused_until_its_network_is_said_to_be_trusted()
    {
        static void Configure(ExapyteOptions options)
        {
            options.Node = "n1";
            options.DataFolder = "data";
            options.AdvertisedAddress = "192.0.2.7";
        }

        Assert.Contains("IsNetworkTrusted", Assert.Single(Refusal(Configure).Failures));
        Host.CreateEmptyApplicationBuilder(settings: null)
            .AddExapyte(options =>
            {
                Configure(options);
                options.IsNetworkTrusted = true;
            });
    }

    static OptionsValidationException Refusal(Action<ExapyteOptions> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        return Assert.Throws<OptionsValidationException>(() => builder.AddExapyte(configure));
    }
}
