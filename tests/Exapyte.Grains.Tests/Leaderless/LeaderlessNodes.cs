using System.Text;
using Exapyte.Client;
using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Storage.Files;
using Exapyte.Testing.Clusters;
using Exapyte.Testing.Files;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Runtime;

namespace Exapyte.Grains.Tests.Leaderless;

/// <summary>
/// Three nodes with a leaderless keyspace of each kind, one shard each, whose replicas are never compared: what one has
/// missed it gets by pushes and by reads only.
/// </summary>
public sealed class LeaderlessNodes : IAsyncLifetime
{
    public const string Quorum = "quorum";
    public const string QuorumMemory = "quorum-memory";
    public const string Async = "async";
    public const string AsyncMemory = "async-memory";

    private static readonly string[] Names = ["n1", "n2", "n3"];

    private readonly Dictionary<string, KeyspaceMap> maps = [];
    private readonly Dictionary<string, FilesThatFill> disks = Names.ToDictionary(
        name => name,
        _ => new FilesThatFill()
    );

    public static TheoryData<string> Keyspaces => new(Quorum, QuorumMemory, Async, AsyncMemory);

    internal ReplicaFaults Faults { get; } = new();

    public ProductCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Cluster = await ProductCluster.Start(
            Names.Length,
            silo =>
            {
                silo.Services.AddSingleton(
                    Options.Create(
                        new ReplicaOptions
                        {
                            CompareInterval = TimeSpan.Zero,
                            // Entries of tests are stamped in the first moments of 1970.
                            TombstoneGrace = TimeSpan.FromDays(36_500),
                        }
                    )
                );
                silo.Services.AddSingleton(Faults);
                silo.Services.AddSingleton<IFiles>(services =>
                    disks[services.GetRequiredService<ILocalSiloDetails>().Name]
                );
                silo.AddIncomingGrainCallFilter<ReplicaFaultFilter>();
                silo.Configure<ExapyteClientOptions>(options => options.AttemptTimeout = TimeSpan.FromSeconds(10));
            }
        );
        foreach (var name in (string[])[Quorum, QuorumMemory, Async, AsyncMemory])
        {
            maps[name] = await Cluster.Create(
                name,
                new()
                {
                    Replication = name.StartsWith(Quorum, StringComparison.Ordinal)
                        ? ReplicationKind.Quorum
                        : ReplicationKind.Async,
                    Storage = name.EndsWith("memory", StringComparison.Ordinal) ? StorageKind.Memory : StorageKind.Disk,
                    Shards = 1,
                }
            );
            foreach (var node in Names)
            {
                await Eventually.Holds(() => TakesWrites(name, node), $"{node} takes writes of {name}");
            }
        }
    }

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();

    internal KeyspaceMap MapOf(string keyspace) => maps[keyspace];

    internal FilesThatFill DiskOf(string node) => disks[node];

    internal IExapyteClient Client(string node = "n1") => Cluster.Client(node);

    internal NodeHost HostOf(string node) => Cluster.Nodes.ServicesOf(node).GetRequiredService<NodeHost>();

    internal LeaderlessReplica Replica(string keyspace, string node) =>
        HostOf(node)
            .Replicas.All.OfType<LeaderlessReplica>()
            .Single(replica => replica.Identity.KeyspaceId == maps[keyspace].KeyspaceId);

    /// <summary>A node's replica takes entries as from a peer: no other replica hears of them.</summary>
    internal async Task Give(string keyspace, string node, params StampedEntry[] entries) =>
        Assert.Equal(
            OutcomeKind.Ok,
            (await Replica(keyspace, node).Accept(new() { FromReplicaId = 0, Entries = entries })).Kind
        );

    /// <summary>What a node's replica holds of a key, as it is.</summary>
    internal string Held(string keyspace, string node, string key) =>
        Replica(keyspace, node).ReadLocal(new() { Keys = [Entries.Bytes(key)], AsIs = true }).Entries.Single().Text();

    /// <summary>A batch as a node's replica runs it, awaited no longer than half a minute.</summary>
    internal async Task<OperationOutcome[]> Run(
        string keyspace,
        string node,
        int timeoutMs,
        params Operation[] operations
    ) =>
        (
            await Replica(keyspace, node)
                .Execute(
                    new()
                    {
                        Operations = operations,
                        MapEpoch = maps[keyspace].Epoch,
                        TimeoutMs = timeoutMs,
                    }
                )
                .AsTask()
                .WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)
        ).Outcomes;

    internal static Operation Put(string key, string value, ConsistencyLevel level = ConsistencyLevel.Default) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = Entries.Bytes(key),
            Value = Entries.Bytes(value),
            Level = level,
        };

    internal static Operation Get(string key, ConsistencyLevel level = ConsistencyLevel.Default) =>
        new()
        {
            Kind = OperationKind.Get,
            Key = Entries.Bytes(key),
            Level = level,
        };

    internal static Operation Delete(string key, ConsistencyLevel level = ConsistencyLevel.Default) =>
        new()
        {
            Kind = OperationKind.Delete,
            Key = Entries.Bytes(key),
            Level = level,
        };

    /// <summary>A node takes none before it knows how its clock goes beside the others'.</summary>
    private async Task<bool> TakesWrites(string keyspace, string node) =>
        (await Run(keyspace, node, 1_000, Put("first", node, ConsistencyLevel.One)))[0].Kind == OutcomeKind.Ok
        && (await Run(keyspace, node, 1_000, Delete("first", ConsistencyLevel.All)))[0].Kind == OutcomeKind.Ok;

    /// <summary>The value of a read, or how it ended.</summary>
    internal static string Text(OperationOutcome outcome) =>
        outcome.Kind == OutcomeKind.Ok ? Encoding.UTF8.GetString(outcome.Value.Span) : outcome.Kind.ToString();
}
