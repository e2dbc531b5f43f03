using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Quotas;

/// <summary>What operations take.</summary>
internal static class Usages
{
    /// <summary>What a put takes.</summary>
    public static Usage Of(Operation put) => new(1, put.Key.Length + put.Value.Length);

    /// <summary>What the puts among operations take if none takes the place of another entry.</summary>
    public static Usage PutBy(IEnumerable<Operation> operations) =>
        operations.Where(operation => operation.IsPut).Aggregate(default(Usage), (sum, put) => sum + Of(put));
}
