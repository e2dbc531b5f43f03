using System.Net.NetworkInformation;

namespace Exapyte.Testing.Processes;

/// <summary>
/// A small network inside this machine in which each node has a network namespace and an address of its own, joined by a
/// bridge. The test reaches every node at any time; the ways between nodes can be cut, one direction at a time, without a
/// word to either side, as a real network does it. Needs root and iproute2.
/// </summary>
public sealed class PartitionableNetwork : IAsyncDisposable
{
    const int OwnHost = 254;
    const int Subnets = 250;

    static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);

    static int s_networks;

    // The kernel takes a namespace apart after it is deleted: the next network must not need the same names.
    readonly string _prefix;
    readonly string _subnet;
    readonly List<string> _nodes = [];
    readonly HashSet<(string From, string To)> _cuts = [];

    PartitionableNetwork()
    {
        var number = Interlocked.Increment(ref s_networks);
        _prefix = $"x{Environment.ProcessId % 100_000}{number % 100:D2}";
        _subnet = FreeSubnet(Environment.ProcessId + number);
    }

    string Bridge => $"{_prefix}br";

    /// <exception cref="InvalidOperationException">The network cannot be made; the message says at which command.</exception>
    public static async Task<PartitionableNetwork> CreateAsync(params string[] nodeIds)
    {
        var network = new PartitionableNetwork();
        try
        {
            await IpAsync($"link add {network.Bridge} type bridge");
            await IpAsync($"addr add {network._subnet}.{OwnHost}/24 dev {network.Bridge}");
            await IpAsync($"link set {network.Bridge} up");
            foreach (var nodeId in nodeIds)
                await network.AttachAsync(nodeId);
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    public string NamespaceOf(string nodeId) => $"{_prefix}{nodeId}";

    public string AddressOf(string nodeId) => $"{_subnet}.{_nodes.IndexOf(nodeId) + 1}";

    /// <summary>
    /// From now on nothing that <paramref name="from"/> sends arrives at <paramref name="to"/>; the other direction stays.
    /// </summary>
    public async Task CutOneWayAsync(string from, string to)
    {
        // The receiver's address resolves to a hardware address that nobody has: packets leave and are lost on the way.
        await IpAsync(
            $"-n {NamespaceOf(from)} neigh replace {AddressOf(to)} lladdr 02:00:00:00:de:ad dev eth0 nud permanent"
        );
        _cuts.Add((from, to));
    }

    public async Task CutAsync(string one, string other)
    {
        await CutOneWayAsync(one, other);
        await CutOneWayAsync(other, one);
    }

    public async Task HealAsync()
    {
        foreach (var (from, to) in _cuts)
            await IpAsync($"-n {NamespaceOf(from)} neigh del {AddressOf(to)} dev eth0");
        _cuts.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var nodeId in _nodes)
        {
            await TryIpAsync($"link del {NamespaceOf(nodeId)}v");
            await TryIpAsync($"netns del {NamespaceOf(nodeId)}");
        }
        await TryIpAsync($"link del {Bridge}");
    }

    /// <summary>One that nothing on this machine has, such as the network of another test run.</summary>
    static string FreeSubnet(int first)
    {
        var taken = NetworkInterface
            .GetAllNetworkInterfaces()
            .SelectMany(device => device.GetIPProperties().UnicastAddresses)
            .Select(address => address.Address.ToString())
            .ToList();
        return Enumerable
            .Range(first, Subnets)
            .Select(number => $"10.213.{number % Subnets}")
            .First(subnet => !taken.Exists(address => address.StartsWith(subnet + ".", StringComparison.Ordinal)));
    }

    async Task AttachAsync(string nodeId)
    {
        var name = NamespaceOf(nodeId);
        await IpAsync($"netns add {name}");
        _nodes.Add(nodeId);
        await IpAsync($"link add {name}v type veth peer name eth0 netns {name}");
        await IpAsync($"link set {name}v master {Bridge} up");
        await IpAsync($"-n {name} addr add {AddressOf(nodeId)}/24 dev eth0");
        await IpAsync($"-n {name} link set eth0 up");
        await IpAsync($"-n {name} link set lo up");
    }

    static Task<string> IpAsync(string command) => ChildProcess.RunAsync("ip", command.Split(' '), s_deadline);

    // At the end each part is taken down whatever became of the others.
    static async Task TryIpAsync(string command)
    {
        await using var ip = new ChildProcess("ip", command.Split(' '));
        try
        {
            await ip.WaitForExitAsync(s_deadline);
        }
        catch (TimeoutException)
        {
            // The disposal ends it.
        }
    }
}
