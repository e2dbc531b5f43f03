using System.Diagnostics.Metrics;
using Exapyte.Keyspaces;
using Exapyte.Storage.Log;
using Exapyte.Topology;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// What log, store, replicas and lanes hold and have done: observed, so that it costs something only when somebody asks.
/// </summary>
internal sealed partial class NodeMeter
{
    /// <summary>Offers what this node holds to whoever listens.</summary>
    public void Observe(NodeHost host)
    {
        AddLog(host.Services);
        AddStore(host.Services);
        AddPeers(host.Services);
        AddClocks(host.Services.Clocks);
        AddReplicas(host.Replicas);
        AddMemory(host);
    }

    private void AddLog(NodeServices node)
    {
        Counts("exapyte.log.batches", "{batch}", "Batches made durable.", () => node.Log.Statistics.Batches);
        Counts("exapyte.log.entries", "{entry}", "Entries made durable.", () => node.Log.Statistics.Entries);
        Counts("exapyte.log.syncs", "{sync}", "Waits for the device.", () => node.Log.Statistics.Syncs);
        Counts("exapyte.log.written", "By", "Bytes of batches written.", () => node.Log.Statistics.BytesWritten);
        Counts(
            "exapyte.log.rewritten",
            "{entry}",
            "Entries copied forward out of old segments.",
            () => node.Log.Statistics.EntriesRewritten
        );
        Counts("exapyte.log.reads.cached", "{entry}", "Entries read from memory.", () => node.Log.Statistics.CacheHits);
        Counts(
            "exapyte.log.reads.disk",
            "{entry}",
            "Entries read from segments.",
            () => node.Log.Statistics.CacheMisses
        );
        Holds("exapyte.log.segments", "{segment}", "Segments in use.", () => node.Log.Statistics.Segments);
        Holds("exapyte.log.live", "By", "Bytes of entries not compacted.", () => node.Log.Statistics.LiveBytes);
        Holds("exapyte.log.queued", "{operation}", "Operations that wait.", () => node.Log.Statistics.Queued);
        Holds(
            "exapyte.log.healthy",
            "1",
            "1 while the log takes writes, 0 while the disk is full or a sync has failed.",
            () => node.Log.Health.Condition == LogCondition.Ok ? 1 : 0
        );
    }

    private void AddStore(NodeServices node)
    {
        Holds("exapyte.store.memtables", "By", "Bytes in write buffers.", () => node.Disk.Statistics.MemtableBytes);
        Holds("exapyte.store.cache", "By", "Bytes in the block cache.", () => node.Disk.Statistics.BlockCacheBytes);
        Holds("exapyte.store.tables", "By", "Bytes of live table files.", () => node.Disk.Statistics.TableFileBytes);
        Holds(
            "exapyte.store.tables.all",
            "By",
            "Bytes of table files, those kept only for open scans included.",
            () => node.Disk.Statistics.TableFileBytesWithObsolete
        );
        Holds("exapyte.store.rows", "{row}", "Rows, about.", () => node.Disk.Statistics.EstimatedRows);
        Holds(
            "exapyte.store.compaction.pending",
            "By",
            "How much compaction lags, about.",
            () => node.Disk.Statistics.PendingCompactionBytes
        );
        Holds("exapyte.store.flushes", "{flush}", "Flushes under way.", () => node.Disk.Statistics.RunningFlushes);
        Holds(
            "exapyte.store.compactions",
            "{compaction}",
            "Compactions under way.",
            () => node.Disk.Statistics.RunningCompactions
        );
        Holds(
            "exapyte.store.write_stopped",
            "1",
            "1 while writes wait for flushes or compactions.",
            () => node.Disk.Statistics.IsWriteStopped ? 1 : 0
        );
        Counts(
            "exapyte.store.background_errors",
            "{error}",
            "Flushes and compactions that failed.",
            () => node.Disk.Statistics.BackgroundErrors
        );
        Holds(
            "exapyte.store.healthy",
            "1",
            "0 while the store finds no space, else 1.",
            () => node.Disk.IsFull ? 0 : 1
        );
    }

    private void AddPeers(NodeServices node)
    {
        Counts("exapyte.peers.batches", "{batch}", "Batches sent to other nodes.", () => node.Peers.Batches);
        Counts("exapyte.peers.messages", "{message}", "Messages sent to other nodes.", () => node.Peers.Messages);
        Counts("exapyte.peers.lost", "{message}", "Messages dropped or not delivered.", () => node.Peers.Lost);
        Counts("exapyte.changes.told", "{key}", "Changed keys told to nodes with caches.", () => node.Changes.Sent);
        Counts("exapyte.changes.lost", "{key}", "Changed keys that such nodes were not told.", () => node.Changes.Lost);
    }

    private void AddClocks(PeerClocks clocks)
    {
        Holds(
            "exapyte.clock.trusted",
            "1",
            "0 while a majority of the nodes says that this one's clock is wrong, else 1.",
            () => clocks.Problem is null ? 1 : 0
        );
        Holds(
            "exapyte.clock.ahead",
            "ms",
            "How far this node's clock is ahead of the middle one of the others; below 0: behind.",
            () => clocks.AheadMs
        );
        Holds(
            "exapyte.clock.held",
            "ms",
            "How far this node's time is ahead of its clock, which went back where no other node's is known; else 0.",
            () => clocks.HeldMs
        );
        Holds("exapyte.clock.others", "{node}", "Nodes whose clocks this one knows.", () => clocks.Others);
    }

    private void AddReplicas(ReplicaHost replicas)
    {
        meter.CreateObservableGauge(
            "exapyte.replicas",
            () =>
                replicas
                    .All.CountBy(replica => replica.Status().Role, StringComparer.Ordinal)
                    .Select(group => new Measurement<int>(
                        group.Value,
                        new KeyValuePair<string, object?>("role", group.Key)
                    ))
                    .Append(
                        new(replicas.Quarantined.Count(), new KeyValuePair<string, object?>("role", "quarantined"))
                    ),
            "{replica}",
            "Replicas of this node by role."
        );
        Holds(
            "exapyte.pushes.pending",
            "{write}",
            "Leaderless writes that wait to be pushed to other replicas.",
            () => replicas.All.Sum(replica => replica.Status().PendingPushes)
        );
    }

    private void AddMemory(NodeHost host)
    {
        Holds("exapyte.memory.used", "By", "Bytes of entries of memory keyspaces.", () => host.Services.Memory.Bytes);
        Holds("exapyte.memory.limit", "By", "What these may take.", () => host.Services.Memory.BytesMax);
        meter.CreateObservableCounter(
            "exapyte.memory.evicted",
            () => ByKeyspace(host, status => status.EvictedEntries),
            "{entry}",
            "Entries of memory keyspaces let go for want of space, by keyspace."
        );
        meter.CreateObservableCounter(
            "exapyte.memory.evicted.bytes",
            () => ByKeyspace(host, status => status.EvictedBytes),
            "By",
            "The bytes that these had taken, by keyspace."
        );
    }

    private static IEnumerable<Measurement<long>> ByKeyspace(NodeHost host, Func<ReplicaStatus, long> value) =>
        host
            .Replicas.All.Where(replica => replica.Identity.Storage == StorageKind.Memory)
            .GroupBy(replica => replica.Identity.KeyspaceId)
            .Select(group => new Measurement<long>(
                group.Sum(replica => value(replica.Status())),
                new KeyValuePair<string, object?>("keyspace", host.Maps.Find(group.Key)?.Name ?? "")
            ));

    private void Counts(string name, string unit, string description, Func<long> value) =>
        meter.CreateObservableCounter(name, () => Observe(value), unit, description);

    private void Holds(string name, string unit, string description, Func<long> value) =>
        meter.CreateObservableGauge(name, () => Observe(value), unit, description);

    /// <summary>Nothing once the node is closing: whoever listens may still ask then.</summary>
    private static Measurement<long>[] Observe(Func<long> value)
    {
        try
        {
            return [new(value())];
        }
        catch (ObjectDisposedException)
        {
            return [];
        }
    }
}
