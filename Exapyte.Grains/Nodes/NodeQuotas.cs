using System.Collections.Concurrent;
using Exapyte.Keyspaces;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Grains.Nodes;

/// <summary>What a shard may hold.</summary>
/// <param name="Limits">At most so much.</param>
/// <param name="Held">What it holds, by as much as was asked for that.</param>
internal readonly record struct Allowance(Usage Limits, Usage Held);

/// <summary>
/// Knows for the node's replicas what the other shards of a keyspace hold, so that a quota of the whole keyspace is judged
/// where one shard is written. Thread-safe.
/// </summary>
/// <remarks>
/// What was heard lately lets each shard take its part of what is left. A write that does not fit into that part waits until
/// all shards have been asked anew, and may then take all that is left. So one write after another is judged exactly; of writes
/// that are under way in different shards at one time, each may take what is left.
/// </remarks>
internal sealed class NodeQuotas(NodeServices node)
{
    private static readonly TimeSpan HeardFor = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentDictionary<long, Hearsay> keyspaces = new();

    /// <summary>What one shard may hold in all, where <paramref name="wanted"/> is to be added to what it holds.</summary>
    /// <param name="map">The keyspace's map, with a quota.</param>
    /// <param name="shardId">The shard.</param>
    /// <param name="held">What the shard's replica here holds.</param>
    /// <param name="wanted">What is to be put at most.</param>
    public async ValueTask<Allowance> LimitsOf(KeyspaceMap map, long shardId, Usage held, Usage wanted)
    {
        var quota = map.Settings.Quota!;
        var keyspace = keyspaces.GetOrAdd(map.KeyspaceId, _ => new());
        if (keyspace.Heard is { } heard && node.Time.GetElapsedTime(heard.AtTimestamp) < HeardFor)
        {
            var part = heard.LimitsOf(quota, shardId, parts: map.Shards.Length);
            var after = held + wanted;
            if (after.Entries <= part.Entries && after.Bytes <= part.Bytes)
            {
                return new(part, held);
            }
        }
        var fresh = await Ask(keyspace, map);
        return new(fresh.LimitsOf(quota, shardId, parts: 1), fresh.Of(shardId));
    }

    /// <summary>The keyspace is gone.</summary>
    public void Forget(long keyspaceId) => keyspaces.TryRemove(keyspaceId, out _);

    /// <summary>An answer that was asked for after this call began; those that come together share one.</summary>
    private async Task<Shares> Ask(Hearsay keyspace, KeyspaceMap map)
    {
        var arrived = node.Time.GetTimestamp();
        await keyspace.Asking.WaitAsync();
        try
        {
            if (keyspace.Heard is { } heard && heard.AskedTimestamp >= arrived)
            {
                return heard;
            }
            return keyspace.Heard = await AskAll(map, keyspace.Heard);
        }
        finally
        {
            keyspace.Asking.Release();
        }
    }

    private async Task<Shares> AskAll(KeyspaceMap map, Shares? before)
    {
        var asked = node.Time.GetTimestamp();
        var nodes = map.Shards.SelectMany(shard => shard.Replicas).Select(replica => replica.Node).Distinct();
        var answers = await Task.WhenAll(
            nodes
                .Where(name => name == node.NodeId || node.IsInReach(name))
                .Select(name => AskNode(name, map.KeyspaceId))
        );
        var shards = KeyspaceUse.ByShard(map.Settings.Replication, answers.SelectMany(answer => answer));
        foreach (var (shardId, usage) in before?.ByShard ?? new Dictionary<long, Usage>())
        {
            shards.TryAdd(shardId, usage);
        }
        return new(shards, asked, node.Time.GetTimestamp());
    }

    private async Task<ShardUse[]> AskNode(string name, long keyspaceId)
    {
        try
        {
            var answer = node.Grains.GetGrain<INodeGrain>(NodeKey.Of(name)).Uses(keyspaceId).AsTask();
            return await answer.WaitAsync(Patience, node.Time);
        }
        catch (Exception)
        {
            // A node that does not answer is counted by what its shards said before, or by their other replicas.
            return [];
        }
    }

    private sealed class Hearsay
    {
        private volatile Shares? heard;

        public SemaphoreSlim Asking { get; } = new(1, 1);

        public Shares? Heard
        {
            get => heard;
            set => heard = value;
        }
    }

    /// <summary>What the shards hold.</summary>
    /// <param name="ByShard">Each shard's, by its id.</param>
    /// <param name="AskedTimestamp">When it was asked for.</param>
    /// <param name="AtTimestamp">When the last answer came.</param>
    private sealed record Shares(IDictionary<long, Usage> ByShard, long AskedTimestamp, long AtTimestamp)
    {
        private readonly Usage total = ByShard.Values.Aggregate(default(Usage), (sum, one) => sum + one);

        /// <summary>What the shard holds.</summary>
        public Usage Of(long shardId) => ByShard.TryGetValue(shardId, out var held) ? held : default;

        /// <summary>What the shard may hold where it takes its part of what is left.</summary>
        public Usage LimitsOf(KeyspaceQuota quota, long shardId, int parts)
        {
            var own = Of(shardId);
            return new(
                Limit(quota.Entries, total.Entries, own.Entries, parts),
                Limit(quota.Bytes, total.Bytes, own.Bytes, parts)
            );
        }

        private static long Limit(long? quota, long all, long own, int parts) =>
            quota is { } most ? own + ((most - all) / parts) : long.MaxValue;
    }
}
