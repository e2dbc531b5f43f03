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

    /// <summary>How the nodes stand: asks every keyspace and every node that is alive.</summary>
    [Alias("nodes")]
    Task<NodesReport> Nodes();

    /// <summary>
    /// From now on nothing new is placed on the node, and what it holds is moved to others as far as there are any.
    /// Idempotent. Ok once that is stored.
    /// </summary>
    [Alias("drain-node")]
    Task<NodeReply> DrainNode(string node);

    /// <summary>Ends a drain: what has not moved stays. Idempotent. Ok once that is stored.</summary>
    [Alias("resume-node")]
    Task<NodeReply> ResumeNode(string node);

    /// <summary>
    /// Takes a node out of the cluster that holds no replica any more, and was drained or is not alive. Where it runs it is
    /// told to end. Else Conflict, and nothing is changed.
    /// </summary>
    /// <param name="node">The node.</param>
    /// <param name="force">
    /// Gives up what a node that is not alive still holds, for others to take its place. Conflict where a shard would be
    /// left without a majority that is alive.
    /// </param>
    [Alias("remove-node")]
    Task<NodeReply> RemoveNode(string node, bool force);

    /// <summary>
    /// A keyspace asks how many more of its shards may begin to change although nothing compels them to: over the whole
    /// cluster only a few do at one time.
    /// </summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="underWay">Its shards that are changing now.</param>
    /// <param name="wanted">How many more it would change.</param>
    [Alias("take-moves")]
    Task<int> TakeMoves(string keyspace, int underWay, int wanted);
}

/// <summary>How a command on a node ended.</summary>
public enum NodeOutcome : byte
{
    /// <summary>It is decided and stored.</summary>
    Ok = 0,

    /// <summary>There is no such node.</summary>
    NotFound = 1,

    /// <summary>The node is not as the command needs it; every reason is given, and nothing was changed.</summary>
    Conflict = 2,

    /// <summary>The control plane's database, or a keyspace that must be asked, was out of reach.</summary>
    Unavailable = 3,
}

/// <summary>The answer to a command on a node.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.node-reply")]
public sealed class NodeReply
{
    /// <summary>How it ended.</summary>
    [Id(0)]
    public required NodeOutcome Outcome { get; init; }

    /// <summary>Every reason against it.</summary>
    [Id(1)]
    public string[] Reasons { get; init; } = [];

    /// <summary>Where it is Unavailable: whether it may have been carried out. Repeating it converges.</summary>
    [Id(2)]
    public bool InDoubt { get; init; }
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
