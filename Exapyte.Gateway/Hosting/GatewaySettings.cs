using Exapyte.Client.Connections;

namespace Exapyte.Gateway.Hosting;

/// <summary>What a gateway of its own was asked to be: validated, immutable, complete before anything is opened.</summary>
internal sealed record GatewaySettings
{
    /// <summary>Nodes of the cluster, <c>host:port</c> each, separated by commas.</summary>
    public required string Endpoints { get; init; }

    public required HttpAddress Http { get; init; }

    /// <summary>The region whose replicas reads prefer; empty: none.</summary>
    public string Region { get; init; } = "";

    /// <summary>Who is let in, and how connections are secured.</summary>
    public SecuritySettings Security { get; init; } = new();

    /// <summary>Most HTTP requests under way at once.</summary>
    public int RequestsMax { get; init; } = 1_024;

    /// <summary>After so long without a change whoever watches is told how far the changes have come.</summary>
    public TimeSpan ChangesHeartbeat { get; init; } = TimeSpan.FromSeconds(5);

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>Reads them from the section <c>Exapyte</c>; null, and every reason against them, where they are none.</summary>
    public static GatewaySettings? Read(IConfiguration configuration, out IReadOnlyList<string> reasons)
    {
        var section = new SectionReader(configuration);
        section.RefuseUnknownKeys([.. GatewaySetting.All, .. GatewaySetting.Secrets]);
        var security = section.ReadSecurity();
        var settings = new GatewaySettings
        {
            Endpoints = ReadEndpoints(section),
            Http = section.ReadHttp(security),
            Region = section.Value(GatewaySetting.Region),
            Security = security,
            RequestsMax = section.ReadRequestsMax(),
            ChangesHeartbeat = section.ReadChangesHeartbeat(),
            LogLevel = section.ReadLogLevel(),
        };
        reasons = section.Reasons;
        return section.Reasons.Count == 0 ? settings : null;
    }

    private static string ReadEndpoints(SectionReader section)
    {
        var value = section.Value(GatewaySetting.Endpoints);
        if (value.Length == 0)
        {
            section.Reasons.Add(
                $"{GatewaySetting.Endpoints.Option}: is missing: name nodes of the cluster as host:port, separated by commas, each with its port for .NET clients"
            );
            return value;
        }
        try
        {
            _ = ClusterAddresses.Parse(value);
        }
        catch (FormatException failure)
        {
            section.Refuse(GatewaySetting.Endpoints, value, failure.Message);
        }
        return value;
    }
}
