using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading.Channels;
using Exapyte.Grains.Replicas;
using Exapyte.Storage.Files;
using Exapyte.Storage.Node;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Nodes;

/// <summary>A replica that must be replaced, and why.</summary>
/// <param name="KeyspaceId">Its keyspace.</param>
/// <param name="ReplicaId">The replica.</param>
/// <param name="Reason">What was found.</param>
/// <param name="IsFoundAgain">Every start finds the same, so that it need not be written down.</param>
internal sealed record DamagedReplica(long KeyspaceId, long ReplicaId, string Reason, bool IsFoundAgain);

/// <summary>
/// The replicas of this node that were found damaged and are still hosted. Kept on disk, for damage that was found once is
/// not always found again, and a replica that has it must not serve after a restart. Thread-safe.
/// </summary>
internal sealed partial class DamagedReplicas
{
    private const string Document = "damaged-replicas";

    private readonly Lock gate = new();
    private readonly DataFolder folder;
    private readonly ILogger logger;
    private readonly Dictionary<long, DamagedReplica> known;
    private readonly Channel<bool> news = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
    );

    /// <summary>Reads what was recorded.</summary>
    /// <exception cref="DataFolderException">The record does not verify.</exception>
    public DamagedReplicas(DataFolder folder, ILoggerFactory loggerFactory)
    {
        this.folder = folder;
        logger = loggerFactory.CreateLogger("Exapyte.Node");
        known = folder.ReadDocument(Document) is { } bytes
            ? JsonSerializer
                .Deserialize(bytes, DamagedReplicasJson.Default.DamagedReplicaArray)!
                .ToDictionary(damaged => damaged.ReplicaId)
            : [];
    }

    /// <summary>All of them.</summary>
    public IReadOnlyList<DamagedReplica> All
    {
        get
        {
            lock (gate)
            {
                return [.. known.Values];
            }
        }
    }

    /// <summary>Something was recorded since this was read last.</summary>
    public ChannelReader<bool> News => news.Reader;

    /// <summary>Why the replica must be replaced; null where nothing is known against it.</summary>
    public string? ReasonOf(long replicaId)
    {
        lock (gate)
        {
            return known.GetValueOrDefault(replicaId)?.Reason;
        }
    }

    /// <summary>Records a replica; the first reason stands. Whoever reports them to the control plane hears of it.</summary>
    public void Record(ReplicaIdentity identity, string reason, bool isFoundAgain = false)
    {
        lock (gate)
        {
            if (
                known.TryAdd(identity.ReplicaId, new(identity.KeyspaceId, identity.ReplicaId, reason, isFoundAgain))
                && !isFoundAgain
            )
            {
                Write();
            }
        }
        news.Writer.TryWrite(true);
    }

    /// <summary>Forgets every replica that is not hosted any more.</summary>
    public void Keep(IReadOnlySet<long> hosted)
    {
        lock (gate)
        {
            var gone = known.Keys.Where(id => !hosted.Contains(id)).ToArray();
            if (gone.Length > 0)
            {
                Array.ForEach(gone, id => known.Remove(id));
                Write();
            }
        }
    }

    /// <summary>The replica is gone from this node.</summary>
    public void Forget(long replicaId)
    {
        lock (gate)
        {
            if (known.Remove(replicaId))
            {
                Write();
            }
        }
    }

    private void Write()
    {
        try
        {
            folder.WriteDocument(
                Document,
                JsonSerializer.SerializeToUtf8Bytes(
                    [.. known.Values.Where(damaged => !damaged.IsFoundAgain)],
                    DamagedReplicasJson.Default.DamagedReplicaArray
                )
            );
        }
        catch (DiskException failure)
        {
            // In memory it counts all the same: the replica is stopped, and reported as long as the node runs.
            LogNotRecorded(failure.Message);
        }
    }

    [LoggerMessage(LogLevel.Error, "Which replicas are damaged could not be written down: {Reason}")]
    private partial void LogNotRecorded(string reason);
}

[JsonSerializable(typeof(DamagedReplica[]))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class DamagedReplicasJson : JsonSerializerContext;
