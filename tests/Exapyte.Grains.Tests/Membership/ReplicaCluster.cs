using System.Text;
using Exapyte.Grains.ControlPlane;
using Exapyte.Grains.Hosting;
using Exapyte.Grains.Nodes;
using Exapyte.Grains.Tests.ControlPlane;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Testing.Processes;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace Exapyte.Grains.Tests.Membership;

/// <summary>A cluster of whole nodes: the product's grains over logs and stores in folders of their own.</summary>
internal sealed class ReplicaCluster(TestCluster nodes, TemporaryFolder folder) : IAsyncDisposable
{
    public const string Keyspace = "k";
    private const int CallTimeoutMs = 2_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public TestCluster Nodes => nodes;

    public static async Task<ReplicaCluster> Start(
        TimeSpan replaceAfter,
        string[] names,
        ReplicaOptions? replicas = null
    )
    {
        var folder = new TemporaryFolder("membership");
        try
        {
            var nodes = await TestCluster.Start(
                names.Select(name => new TestNode(name)),
                (node, silo) => Configure(silo, node.Id, FolderOf(folder, node.Id), replaceAfter, replicas)
            );
            return new(nodes, folder);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Takes away everything that a node that does not run has stored.</summary>
    public void Wipe(string node) => Directory.Delete(FolderOf(folder, node), recursive: true);

    /// <summary>Turns over one byte of every place in the log of a node that does not run where the text stands.</summary>
    /// <returns>How many places there were.</returns>
    public int DamageLog(string node, string text)
    {
        var damaged = 0;
        var sought = Encoding.UTF8.GetBytes(text);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(FolderOf(folder, node), "log")))
        {
            var bytes = File.ReadAllBytes(file);
            var found = 0;
            for (int at = 0, next; (next = bytes.AsSpan(at).IndexOf(sought)) >= 0; at += next + 1)
            {
                bytes[at + next] ^= 0xff;
                found++;
            }
            if (found > 0)
            {
                File.WriteAllBytes(file, bytes);
            }
            damaged += found;
        }
        return damaged;
    }

    /// <summary>
    /// Has a running node write its store out, and turns over bytes all over the data in its table files. What stands at
    /// their ends stays: a store that cannot even be opened is another case.
    /// </summary>
    public void RotStore(string node)
    {
        const int Step = 200;
        const int EndBytes = 2_200;
        HostOf(node).Services.Disk.Flush();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(FolderOf(folder, node), "store"), "*.sst"))
        {
            using var table = File.Open(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            for (long at = 0; at == 0 || at < table.Length - EndBytes; at += Step)
            {
                table.Position = at;
                var flipped = (byte)(table.ReadByte() ^ 0xff);
                table.Position = at;
                table.WriteByte(flipped);
            }
        }
    }

    private static string FolderOf(TemporaryFolder folder, string node) => Path.Combine(folder.Path, node);

    private static void Configure(
        ISiloBuilder silo,
        string node,
        string folder,
        TimeSpan replaceAfter,
        ReplicaOptions? replicas
    )
    {
        silo.Services.PostConfigure<GrainTypeOptions>(options => options.Classes.Remove(typeof(RecordingNodeGrain)));
        silo.AddExapyteNode(options =>
        {
            options.Node = node;
            options.DataFolder = folder;
        });
        if (replicas is not null)
        {
            silo.Services.AddSingleton(Options.Create(replicas));
        }
        silo.Configure<ControlPlaneOptions>(options =>
        {
            options.RetryMax = TimeSpan.FromSeconds(1);
            options.WatchInterval = TimeSpan.FromMilliseconds(300);
            options.ChangeWatchInterval = TimeSpan.FromMilliseconds(300);
            options.ReplaceAfter = replaceAfter;
        });
    }

    public async Task<KeyspaceMap> Create(int shards, int replicas)
    {
        var reply = await Control.Put(new() { Shards = shards, Replicas = replicas });
        return reply.Map ?? throw new InvalidOperationException(string.Join(' ', reply.Reasons));
    }

    public async Task<KeyspaceMap> Map() =>
        (await Control.Get()).Map ?? throw new InvalidOperationException("There is no map.");

    /// <summary>How the replicas that running nodes host stand, by id.</summary>
    public async Task<Dictionary<long, ReplicaStatus>> Statuses(long keyspaceId)
    {
        var answers = await Task.WhenAll(nodes.Nodes.Select(node => StatusesOn(node, keyspaceId)));
        return answers.SelectMany(statuses => statuses).ToDictionary(status => status.ReplicaId);
    }

    public async Task<ReplicaStatus[]> StatusesOn(string node, long keyspaceId) =>
        await nodes.GrainsOf(node).GetGrain<INodeGrain>(NodeKey.Of(node)).Replicas(keyspaceId);

    public NodeHost HostOf(string node) => nodes.ServicesOf(node).GetRequiredService<NodeHost>();

    /// <summary>Waits until every shard has one voter on each of the nodes, and the map and all voters say the same.</summary>
    public async Task<KeyspaceMap> WaitForVotersOn(params string[] where)
    {
        KeyspaceMap map = null!;
        await Eventually.Holds(
            async () =>
            {
                map = await Map();
                var statuses = await Statuses(map.KeyspaceId);
                return map.Shards.All(shard =>
                    !shard.IsChanging
                    && shard.Replicas.Select(replica => replica.Node).Order().SequenceEqual(where)
                    && shard.Replicas.All(replica =>
                        statuses.TryGetValue(replica.ReplicaId, out var status)
                        && status.Role is "leader" or "follower"
                        && status.Voters.Order().SequenceEqual(shard.Replicas.Select(one => one.ReplicaId).Order())
                    )
                );
            },
            $"Every shard has voters on {string.Join(' ', where)} and nowhere else.",
            Patience
        );
        return map;
    }

    /// <summary>Waits until the replicas of each shard have all logged the same.</summary>
    public Task WaitForEvenLogs(KeyspaceMap map) =>
        Eventually.Holds(
            async () =>
            {
                var statuses = await Statuses(map.KeyspaceId);
                return map.Shards.All(shard =>
                    shard.Replicas.Select(replica => statuses[replica.ReplicaId].LastIndex).Distinct().Count() == 1
                );
            },
            "All replicas have what was written."
        );

    /// <summary>Puts until somebody acknowledges; the key's own text is the value.</summary>
    public async Task Put(string key)
    {
        var outcome = await Ask(OperationKind.Put, key);
        if (outcome.Kind != OutcomeKind.Ok)
        {
            throw new InvalidOperationException($"{key}: {outcome.Kind} {outcome.Detail}");
        }
    }

    /// <summary>Whether a linearizable read finds the key with its value.</summary>
    public async Task<bool> Has(string key)
    {
        var outcome = await Ask(OperationKind.Get, key);
        return outcome.Kind == OutcomeKind.Ok && outcome.Value.Span.SequenceEqual(Encoding.UTF8.GetBytes(key));
    }

    public async ValueTask DisposeAsync()
    {
        await nodes.DisposeAsync();
        folder.Dispose();
    }

    private IKeyspaceGrain Control => nodes.GrainsOf(nodes.Nodes.First()).GetGrain<IKeyspaceGrain>(Keyspace);

    private async Task<OperationOutcome> Ask(OperationKind kind, string key)
    {
        var bytes = Encoding.UTF8.GetBytes(key);
        var operation = new Operation
        {
            Kind = kind,
            Key = bytes,
            Value = kind == OperationKind.Put ? bytes : default,
            Level = ConsistencyLevel.Linearizable,
        };
        OperationOutcome? last = null;
        await Eventually.Holds(
            async () =>
            {
                var map = HostOf(nodes.Nodes.First()).Maps.Find(Keyspace) ?? await Map();
                var shard = map.Shards[map.ShardIndexOf(bytes)];
                foreach (var replica in shard.Hosted.Where(replica => nodes.Nodes.Contains(replica.Node)))
                {
                    last = await AskOne(map, shard, replica, operation);
                    if (last.Kind is OutcomeKind.Ok or OutcomeKind.NotFound)
                    {
                        return true;
                    }
                }
                return false;
            },
            $"{kind} {key} is answered: {last?.Kind} {last?.Detail}",
            Patience
        );
        return last!;
    }

    private async Task<OperationOutcome> AskOne(
        KeyspaceMap map,
        ShardPlacement shard,
        ReplicaPlacement replica,
        Operation operation
    )
    {
        var key = new ReplicaKey(map.KeyspaceId, shard.ShardId, replica.ReplicaId, replica.Node).ToString();
        try
        {
            var reply = await nodes
                .GrainsOf(nodes.Nodes.First())
                .GetGrain<IRaftGroupGrain>(key)
                .Execute(
                    new()
                    {
                        Operations = [operation],
                        MapEpoch = map.Epoch,
                        TimeoutMs = CallTimeoutMs,
                    }
                );
            return reply.Outcomes[0];
        }
        catch (Exception failure) when (TransientFailures.Include(failure))
        {
            return OperationOutcome.Of(OutcomeKind.Unavailable, failure.Message);
        }
    }
}
