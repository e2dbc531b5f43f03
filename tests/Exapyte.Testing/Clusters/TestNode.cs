namespace Exapyte.Testing.Clusters;

/// <summary>A node of a cluster under test. Its id is also its silo's name.</summary>
public sealed record TestNode(string Id, string Region = "", string Zone = "")
{
    private static long stores;

    /// <summary>The id of its data folder; another one stands for a wiped disk or a second machine.</summary>
    public ulong StoreId { get; init; } = (ulong)Interlocked.Increment(ref stores);
}
