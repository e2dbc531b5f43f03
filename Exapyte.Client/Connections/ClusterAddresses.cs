using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Exapyte.Client.Connections;

/// <summary>
/// Addresses of nodes: <c>host:port</c>, separated by commas. A host is an IP address (version 6 in brackets) or a name, and
/// the port is that for .NET clients. Immutable.
/// </summary>
internal sealed class ClusterAddresses
{
    private const int AddressesMax = 64;

    private readonly IReadOnlyList<(string Host, int Port)> hosts;

    private ClusterAddresses(IReadOnlyList<(string Host, int Port)> hosts) => this.hosts = hosts;

    /// <exception cref="FormatException">It is no list of addresses; the message says which one is none.</exception>
    public static ClusterAddresses Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length is 0 or > AddressesMax)
        {
            throw new FormatException($"'{text}' must name 1 to {AddressesMax} nodes: host:port, separated by commas.");
        }
        return new([.. parts.Select(ParseOne)]);
    }

    /// <summary>The addresses as numbers, names looked up.</summary>
    /// <exception cref="SocketException">No name is known.</exception>
    public async Task<IReadOnlyList<IPEndPoint>> ResolveAsync(CancellationToken cancellationToken)
    {
        List<IPEndPoint> found = [];
        SocketException? unknown = null;
        foreach (var (host, port) in hosts)
        {
            try
            {
                var addresses = await Dns.GetHostAddressesAsync(host, cancellationToken).ConfigureAwait(false);
                found.AddRange(addresses.Select(address => new IPEndPoint(address, port)));
            }
            catch (SocketException exception)
            {
                unknown = exception;
            }
        }
        return found.Count > 0 || unknown is null ? found : throw unknown;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Join(
            ", ",
            hosts.Select(host => string.Create(CultureInfo.InvariantCulture, $"{host.Host}:{host.Port}"))
        );

    private static (string Host, int Port) ParseOne(string part)
    {
        var colon = part.LastIndexOf(':');
        var host = colon > 0 ? part[..colon] : "";
        var isPort =
            int.TryParse(part.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            && port is > IPEndPoint.MinPort and <= IPEndPoint.MaxPort;
        var isHost = Uri.CheckHostName(host.Trim('[', ']')) != UriHostNameType.Unknown;
        return isPort && isHost
            ? (host.Trim('[', ']'), port)
            : throw new FormatException($"'{part}' must be host:port, such as 127.0.0.1:30000.");
    }
}
