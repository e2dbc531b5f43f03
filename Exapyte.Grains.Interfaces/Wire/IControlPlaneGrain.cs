using Exapyte.Topology;

namespace Exapyte.Wire;

/// <summary>
/// Owns the nodes, the names of keyspaces and the issue of ids. One grain, key 0. Where its database is out of reach
/// <see cref="Register"/> answers so; the other calls throw <see cref="ControlPlaneUnavailableException"/>.
/// </summary>
[Alias("exapyte.control-plane")]
public interface IControlPlaneGrain : IGrainWithIntegerKey
{
    /// <summary>A node joins or returns. Idempotent.</summary>
    [Alias("register")]
    Task<RegisterReply> Register(NodeRegistration registration);

    /// <summary>The nodes, alive or not.</summary>
    [Alias("topology")]
    Task<ClusterTopology> Topology();

    /// <summary>Issues <paramref name="count"/> ids (1 to 100,000), never issued before; returns the first.</summary>
    [Alias("issue-ids")]
    Task<long> IssueIds(int count);

    /// <summary>Enters a keyspace's name; idempotent.</summary>
    [Alias("add-keyspace")]
    Task AddKeyspace(string name, long keyspaceId);

    /// <summary>Removes a keyspace's name; idempotent.</summary>
    [Alias("remove-keyspace")]
    Task RemoveKeyspace(string name, long keyspaceId);

    /// <summary>All names, in order.</summary>
    [Alias("keyspaces")]
    Task<string[]> Keyspaces();
}

/// <summary>The answer to <see cref="IControlPlaneGrain.Register"/>.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.register-reply")]
public sealed class RegisterReply
{
    /// <summary>Whether the node may serve.</summary>
    [Id(0)]
    public required bool Accepted { get; init; }

    /// <summary>Why not, and what to do.</summary>
    [Id(1)]
    public string? Reason { get; init; }

    /// <summary>The nodes after it.</summary>
    [Id(2)]
    public ClusterTopology? Topology { get; init; }

    /// <summary>Not accepted now, but the same registration may be accepted later: ask again.</summary>
    [Id(3)]
    public bool Retryable { get; init; }

    /// <summary>The cluster that accepted the node. Its data folder remembers it and names it from then on.</summary>
    [Id(4)]
    public ulong ClusterId { get; init; }
}
