using System.Reflection;

namespace Exapyte.Load;

/// <summary>Names the scenario that a preset measures.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class TraitAttribute(string name, string value) : Attribute
{
    public string Name => name;

    public string Value => value;
}

/// <summary>Runs that are recorded, each under the name of the scenario it measures (<c>--scenario NAME</c>).</summary>
static class Scenarios
{
    static readonly int[] s_clientCounts = [1, 8, 64, 256];
    static readonly int[] s_connectionCounts = [1, 16, 64, 256, 1_024, 2_048, 4_096];
    static readonly int[] s_connectionCountsQuick = [1, 16, 64, 128, 256];

    public static IReadOnlyDictionary<string, Func<LoadOptions, IEnumerable<LoadOptions>>> All { get; } =
        typeof(Scenarios)
            .GetMethods(BindingFlags.Static | BindingFlags.Public)
            .Select(method => (Method: method, Trait: method.GetCustomAttribute<TraitAttribute>()))
            .Where(found => found.Trait is { Name: "Scenario" })
            .ToDictionary(
                found => found.Trait!.Value,
                found => found.Method.CreateDelegate<Func<LoadOptions, IEnumerable<LoadOptions>>>(),
                StringComparer.Ordinal
            );

    [Trait("Scenario", "read_heavy_workload")]
    public static IEnumerable<LoadOptions> ReadHeavy(LoadOptions given) => AtRisingClientCounts(given, reads: 0.95);

    [Trait("Scenario", "write_heavy_workload")]
    public static IEnumerable<LoadOptions> WriteHeavy(LoadOptions given) => AtRisingClientCounts(given, reads: 0.05);

    [Trait("Scenario", "mixed_workload")]
    public static IEnumerable<LoadOptions> Mixed(LoadOptions given) => AtRisingClientCounts(given, reads: 0.5);

    /// <summary>Pages of 100 entries that share a prefix, from anywhere in a million.</summary>
    [Trait("Scenario", "scan_performance")]
    public static IEnumerable<LoadOptions> Scan(LoadOptions given) =>
        [
            given with
            {
                Name = "scan_performance",
                Mix = new OperationMix(Get: 0, Put: 0, Delete: 0, Scan: 1),
                Keys = given.Quick ? 10_000 : 1_000_000,
                ScanLimit = 100,
            },
        ];

    /// <summary>
    /// The same mix over ever more connections: what a service does past its saturation. The last ones are more than it takes
    /// at once (<c>--requests-max</c>).
    /// </summary>
    [Trait("Scenario", "concurrent_client_connections")]
    public static IEnumerable<LoadOptions> Connections(LoadOptions given) =>
        (given.Quick ? s_connectionCountsQuick : s_connectionCounts).Select(connections =>
            given with
            {
                Name = "concurrent_client_connections",
                Mix = new OperationMix(Get: 0.5, Put: 0.5, Delete: 0, Scan: 0),
                Connections = connections,
            }
        );

    static IEnumerable<LoadOptions> AtRisingClientCounts(LoadOptions given, double reads) =>
        s_clientCounts.Select(connections =>
            given with
            {
                Name = $"reads {reads:P0}",
                Mix = new OperationMix(Get: reads, Put: 1 - reads, Delete: 0, Scan: 0),
                Connections = connections,
            }
        );
}
