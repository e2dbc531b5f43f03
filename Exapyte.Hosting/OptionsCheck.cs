using System.Net;
using Exapyte.Hosting.Clustering;
using Exapyte.Topology;
using Microsoft.Extensions.Options;

namespace Exapyte.Hosting;

/// <summary>Refuses options that no node can be made of, with every reason at once.</summary>
internal static class OptionsCheck
{
    private static readonly TimeSpan ClockSkewMin = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan ClockSkewMax = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ProbeMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ProbeMax = TimeSpan.FromSeconds(30);

    /// <exception cref="OptionsValidationException">They are not acceptable.</exception>
    public static void Demand(ExapyteOptions options)
    {
        List<string> reasons = [.. ReasonsAgainst(options)];
        if (reasons.Count > 0)
        {
            throw new OptionsValidationException(nameof(ExapyteOptions), typeof(ExapyteOptions), reasons);
        }
    }

    private static IEnumerable<string> ReasonsAgainst(ExapyteOptions options) =>
        [
            .. ReasonsAgainstNames(options),
            .. ReasonsAgainstAddresses(options),
            .. ReasonsAgainstClustering(options),
            .. ReasonsAgainstRanges(options),
        ];

    private static IEnumerable<string> ReasonsAgainstNames(ExapyteOptions options)
    {
        (string Name, string Value)[] names =
        [
            (nameof(options.Node), options.Node),
            (nameof(options.Region), options.Region),
            (nameof(options.Zone), options.Zone),
        ];
        foreach (var (name, value) in names)
        {
            if (string.IsNullOrEmpty(value))
            {
                yield return $"{name} is missing: 1 to 63 of a-z, 0-9 and '-'.";
            }
            else if (!NodeKey.IsNodeId(value))
            {
                yield return $"{name} '{value}' must be 1 to 63 of a-z, 0-9 and '-', with no '-' first or last.";
            }
        }
        if (string.IsNullOrWhiteSpace(options.DataFolder))
        {
            yield return $"{nameof(options.DataFolder)} is missing: the folder in which the node keeps its data.";
        }
    }

    private static IEnumerable<string> ReasonsAgainstAddresses(ExapyteOptions options)
    {
        if (
            !IPAddress.TryParse(options.AdvertisedAddress, out var address)
            || address.Equals(IPAddress.Any)
            || address.Equals(IPAddress.IPv6Any)
        )
        {
            yield return $"{nameof(options.AdvertisedAddress)} '{options.AdvertisedAddress}' must be the IP address of one interface.";
        }
        else if (!options.IsNetworkTrusted && !IPAddress.IsLoopback(address))
        {
            yield return $"{nameof(options.AdvertisedAddress)} '{options.AdvertisedAddress}' is beyond loopback, where whoever reaches the node is trusted: secure its connections (silo.UseTls) or its network, and set {nameof(options.IsNetworkTrusted)}.";
        }
        (string Name, int Port)[] ports =
        [
            (nameof(options.SiloPort), options.SiloPort),
            (nameof(options.GatewayPort), options.GatewayPort),
        ];
        foreach (var (name, port) in ports)
        {
            if (port is <= IPEndPoint.MinPort or > IPEndPoint.MaxPort)
            {
                yield return $"{name} must be 1 to {IPEndPoint.MaxPort}, not {port}.";
            }
        }
        if (options.SiloPort == options.GatewayPort)
        {
            yield return $"{nameof(options.GatewayPort)} {options.GatewayPort} is the {nameof(options.SiloPort)} already.";
        }
    }

    private static IEnumerable<string> ReasonsAgainstClustering(ExapyteOptions options)
    {
        if (!Enum.IsDefined(options.Clustering))
        {
            yield return $"{nameof(options.Clustering)} must be one of {string.Join(", ", Enum.GetNames<ExapyteClustering>())}.";
        }
        else if (options.Clustering == ExapyteClustering.None)
        {
            if (!string.IsNullOrEmpty(options.ConnectionString))
            {
                yield return $"{nameof(options.ConnectionString)} is given, and {nameof(options.Clustering)} is {nameof(ExapyteClustering.None)}: name the kind of the database.";
            }
        }
        else if (ClusterDatabase.ReasonAgainst(options.Clustering, options.ConnectionString) is { } reason)
        {
            yield return $"{nameof(options.ConnectionString)}: {reason}.";
        }
    }

    private static IEnumerable<string> ReasonsAgainstRanges(ExapyteOptions options)
    {
        if (options.MaxClockSkew < ClockSkewMin || options.MaxClockSkew > ClockSkewMax)
        {
            yield return $"{nameof(options.MaxClockSkew)} must be {ClockSkewMin} to {ClockSkewMax}, not {options.MaxClockSkew}.";
        }
        if (options.ProbeTimeout < ProbeMin || options.ProbeTimeout > ProbeMax)
        {
            yield return $"{nameof(options.ProbeTimeout)} must be {ProbeMin} to {ProbeMax}, not {options.ProbeTimeout}.";
        }
        if (options.ScrubInterval < TimeSpan.Zero)
        {
            yield return $"{nameof(options.ScrubInterval)} must not be negative.";
        }
        if (options.Weight is < 1 or > NodeRegistration.WeightMax)
        {
            yield return $"{nameof(options.Weight)} must be 1 to {NodeRegistration.WeightMax}, not {options.Weight}.";
        }
        if (options.MemoryBytesMax is <= 0)
        {
            yield return $"{nameof(options.MemoryBytesMax)} must be more than 0.";
        }
    }
}
