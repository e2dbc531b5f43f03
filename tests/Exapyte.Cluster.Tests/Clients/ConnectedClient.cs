using System.Text;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Processes;
using Exapyte.Wire;
using Xunit;
using KeyspaceSettings = Exapyte.Keyspaces.KeyspaceSettings;

namespace Exapyte.Cluster.Tests.Clients;

/// <summary>Three nodes, a keyspace of each kind, and an application that is connected to them. No node fails.</summary>
public sealed class ConnectedClient : IAsyncLifetime
{
    SiloCluster? _cluster;
    Application? _application;

    public static TheoryData<ReplicationKind> Kinds => [.. Enum.GetValues<ReplicationKind>()];

    public IExapyteClient Client => _application!.Client;

    public static string Name(ReplicationKind kind) => kind.ToString().ToLowerInvariant();

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    public async ValueTask InitializeAsync()
    {
        _cluster = await SiloCluster.StartThreeAsync(postgres: null);
        // No node ever fails here: one that only waits for a processor is not passed over for another.
        _application = await Application.ConnectAsync(
            _cluster.Running,
            options =>
            {
                options.AttemptTimeout = TimeSpan.FromSeconds(10);
                options.OperationTimeout = TimeSpan.FromSeconds(30);
            }
        );
        foreach (var kind in Enum.GetValues<ReplicationKind>())
        {
            var settings = new KeyspaceSettings
            {
                Replication = kind,
                Shards = 4,
                PartitionDelimiter = "/",
            };
            await CreateAsync(Name(kind), settings);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_application is not null)
            await _application.DisposeAsync();
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }

    /// <summary>Right after their start the nodes may not have found each other yet.</summary>
    async Task CreateAsync(string keyspace, KeyspaceSettings settings)
    {
        KeyspaceReply? reply = null;
        await Poll.UntilAsync(
            $"{keyspace} is created",
            ClusterTestEnvironment.Deadline,
            async () =>
            {
                reply = await Client.PutKeyspaceAsync(keyspace, settings);
                return reply.Outcome is KeyspaceOutcome.Created or KeyspaceOutcome.Ok;
            },
            () => $"{reply?.Outcome}\n{_cluster!.Outputs()}"
        );
        await Poll.UntilAsync(
            $"{keyspace} takes a write",
            ClusterTestEnvironment.Deadline,
            async () => (await Client.PutAsync(keyspace, "first", "1")).Outcome.Kind == OutcomeKind.Ok,
            _cluster!.Outputs
        );
    }
}
