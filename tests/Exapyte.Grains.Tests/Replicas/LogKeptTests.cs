using Exapyte.Client;
using Exapyte.Grains.Nodes;
using Exapyte.Operations;
using Exapyte.Storage.Log;
using Exapyte.Testing.Clusters;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Exapyte.Grains.Tests.Replicas;

public sealed class LogKeptTests
{
    private const int ValueBytes = 64 << 10;
    private const int Writes = 64;
    private const long BytesKept = 8 * ValueBytes;

    private static readonly ReplicaOptions Options = new()
    {
        SweepInterval = TimeSpan.FromMilliseconds(50),
        CompactionInterval = TimeSpan.FromMilliseconds(50),
        LogBytesBeforeFlush = 0,
        LogBytesKept = BytesKept,
    };

    [Fact]
    public async Task Few_large_entries_are_forgotten_by_their_bytes()
    {
        await using var cluster = await ProductCluster.Start(
            1,
            silo => silo.Services.AddSingleton(Microsoft.Extensions.Options.Options.Create(Options))
        );
        var map = await cluster.Create("one", new() { Shards = 1, Replicas = 1 });
        for (var i = 0; i < Writes; i++)
        {
            var put = await cluster.Client().PutAsync("one", $"large{i}", new string('x', ValueBytes));
            Assert.Equal(OutcomeKind.Ok, put.Outcome.Kind);
        }

        var log = cluster
            .Nodes.ServicesOf("n1")
            .GetRequiredService<NodeHost>()
            .Services.Log.OpenGroup(new GroupId((ulong)map.Shards[0].Replicas[0].ReplicaId));
        await Eventually.Holds(
            () => log.LastIndex - log.CompactedIndex <= 8,
            "No more of the log is kept than its bytes allow."
        );
        Assert.True(log.LastIndex > Writes);
    }
}
