using System.Collections.Concurrent;
using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Indexes;
using Exapyte.Grains.Replicas.Log;
using Exapyte.Grains.Replicas.Scrubs;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// A hosted member of a raft group: the mailbox before a <see cref="RaftReplicaCore"/>. Whoever posts an input works on it if
/// nobody else does; what the core asks for is done by the <see cref="EffectExecutor"/>; all else looks at its view.
/// Thread-safe.
/// </summary>
internal sealed partial class RaftReplica : IReplica, IReplicaInbox
{
    private const int InputsMax = 65_536;

    private static readonly TimeSpan HandoverTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan HandoverPoll = TimeSpan.FromMilliseconds(10);

    private readonly NodeServices node;
    private readonly RaftReplicaCore core;
    private readonly EffectExecutor executor;
    private readonly ReplicaMailbox<ReplicaInput> mailbox;
    private readonly ReplicaCalls calls;
    private readonly ChangeWaiters watchers = new();
    private readonly ReplicaChanges changes;
    private readonly SnapshotSender sender;
    private readonly ReplicaScrubs scrubs;
    private readonly RaftPeers peers;
    private readonly ILogger logger;
    private volatile KeyspaceMap? map;

    public RaftReplica(NodeServices node, ReplicaIdentity identity, GroupLog log)
    {
        this.node = node;
        Identity = identity;
        logger = node.LoggerFactory.CreateLogger("Exapyte.Replica");
        mailbox = new(InputsMax, Work);
        peers = new(node.Peers, node.Presence, node.NodeId, identity);
        var prefix = log.Snapshot?.Prefix ?? identity.StorePrefix;
        var machine = new ShardStateMachine(OpenStore(prefix), identity.ShardId);
        var seed = (ulong)Random.Shared.NextInt64();
        var writer = new ReplicaLogWriter(
            node.Log,
            new((ulong)identity.ReplicaId),
            submission => Post(new ReplicaInput.Logged(submission))
        );
        core = new(
            new()
            {
                Identity = identity,
                Core = ReplicaStart.CreateCore(identity, machine, log, node.Options, seed),
                Machine = machine,
                StorePrefix = prefix,
                Log = log,
                Writer = writer,
                Receiver = new(OpenStore, node.Disused.Add, node.Prefixes.Issue),
                Wire = peers,
                Options = node.Options,
                Seed = seed,
            }
        );
        calls = new(identity, this);
        changes = new(identity, this, calls, watchers, node.Time);
        sender = new(peers, node.SnapshotSlots, RunInBackground, Post);
        scrubs = new(node, identity, peers, () => core.View, Post, logger);
        executor = new(core, writer, peers, sender, new RaftReplicaNode(node, identity, this, scrubs, logger), Post);
    }

    /// <inheritdoc/>
    public ReplicaIdentity Identity { get; }

    /// <inheritdoc/>
    public ReplicaView View => core.View;

    /// <inheritdoc/>
    public KeyspaceMap? Map => map;

    /// <inheritdoc/>
    public ulong StorePrefix => View.StorePrefix;

    /// <inheritdoc/>
    public IReadOnlyList<ulong> Prefixes => core.Prefixes;

    /// <inheritdoc/>
    public long NowMs => node.Clocks.NowMs;

    /// <inheritdoc/>
    public long SteadyUs => (long)node.Time.GetElapsedTime(0).TotalMicroseconds;

    /// <inheritdoc/>
    public bool IsDiskFull => node.IsDiskFull;

    /// <inheritdoc/>
    public string? WaitsFor =>
        View switch
        {
            { Health.Problem.Length: > 0 } or { Leader.IsNone: false } or { IsOutOfQuorum: true } => null,
            { IsVoter: false } => null,
            { MayCampaign: false } => "the control plane has not confirmed yet that its replicas still exist",
            _ => "its shards are choosing a leader",
        };

    /// <inheritdoc/>
    public ValueTask<ReplicaAnswer> Execute(OperationBatch batch) => calls.Execute(batch);

    /// <inheritdoc/>
    public ValueTask<ScanReply> Scan(ScanRequest request) => calls.Scan(request);

    /// <inheritdoc/>
    public ValueTask<ChangesReply> ReadChanges(ChangesRequest request) => changes.Read(request);

    /// <inheritdoc/>
    public ShardUse? Use =>
        View is var view && view.Usage.At(NowMs) is { } held
            ? new()
            {
                ShardId = Identity.ShardId,
                AppliedIndex = view.AppliedIndex.Value,
                Usage = held,
            }
            : null;

    /// <inheritdoc/>
    public long StoredBytes => View.Store.ApproximateBytes;

    /// <inheritdoc/>
    public async ValueTask<Usage> LimitsOf(KeyspaceMap current, Usage held, Usage put) =>
        (await node.Quotas.LimitsOf(current, Identity.ShardId, held, put)).Limits;

    /// <inheritdoc/>
    public bool TryPost(ReplicaInput input) => mailbox.Post(input, inline: true);

    /// <inheritdoc/>
    public void Post(ReplicaInput input) => mailbox.Post(input, inline: false, always: true);

    /// <inheritdoc/>
    public void UseMap(KeyspaceMap current, bool confirmed)
    {
        if (map is null || map.Epoch < current.Epoch)
        {
            map = current;
            peers.Use(current);
        }
        Post(new ReplicaInput.UseMap(current, confirmed));
    }

    /// <inheritdoc/>
    public void Tick()
    {
        sender.Tick();
        scrubs.Tick();
        if (View.InputOfTick(peers) is { } input)
        {
            mailbox.Post(input, inline: false);
        }
    }

    /// <inheritdoc/>
    public bool Deliver(PeerMessage message)
    {
        var from = new MemberId((ulong)message.FromReplicaId);
        if (ReplicaMessages.TryRead(message, out var input))
        {
            // What comes of the core may be lost like anything on the wire; a part of a snapshot is large to send again.
            return mailbox.Post(input, inline: false, always: input is not ReplicaInput.Message);
        }
        if (ReplicaMessages.SnapshotReplyOf(message) is { } reply)
        {
            sender.Answered(from, reply);
        }
        else if (message.Kind == PeerMessageKind.ScrubAnswer && ScrubAnswer.Decode(message.Payload) is { } answer)
        {
            scrubs.Hear(from, answer);
        }
        else if (message.Kind == PeerMessageKind.ScrubVerdict && ScrubVerdict.Decode(message.Payload) is { } verdict)
        {
            scrubs.Hear(verdict);
        }
        else
        {
            LogMalformed(Identity.ReplicaId, message.Kind, message.FromReplicaId);
        }
        return true;
    }

    /// <inheritdoc/>
    public async ValueTask HandOver()
    {
        if (View.Role != RaftRole.Leader)
        {
            return;
        }
        Post(ReplicaInput.HandOver.Now);
        var began = node.Time.GetTimestamp();
        while (
            View is { Role: RaftRole.Leader, Configuration.Voters.Length: > 1 }
            && node.Time.GetElapsedTime(began) < HandoverTimeout
        )
        {
            await Task.Delay(HandoverPoll, node.Time);
        }
    }

    /// <inheritdoc/>
    public void Compact() => Post(ReplicaInput.Compact.Now);

    /// <inheritdoc/>
    public void Sweep()
    {
        var view = View;
        if (view.Health.Problem.Length > 0 || view is not { Role: RaftRole.Leader, IsHeldUp: false, IsStuck: false })
        {
            return;
        }
        try
        {
            var ended = view.Store.FindExpired(NowMs, node.Options.SweepEntriesMax);
            if (ended.Count > 0)
            {
                Post(new ReplicaInput.Sweep(ended));
            }
        }
        catch (StoreDamagedException met)
        {
            Post(new ReplicaInput.DamageFound(met.Message));
        }
    }

    /// <inheritdoc/>
    public bool Leads => View.Role == RaftRole.Leader;

    /// <inheritdoc/>
    public ReplicaStatus Status()
    {
        var view = View;
        var configuration = view.Configuration;
        return new()
        {
            ReplicaId = Identity.ReplicaId,
            Node = node.NodeId,
            Role = RoleOf(view),
            Term = view.Term.Value,
            LeaderReplicaId = (long)view.Leader.Value,
            LastIndex = view.LastIndex.Value,
            CommitIndex = view.CommitIndex.Value,
            AppliedIndex = view.AppliedIndex.Value,
            Revision = view.Revision,
            Entries = Measured(view.Store, static store => store.ApproximateCount),
            Bytes = Measured(view.Store, static store => store.ApproximateEntryBytes),
            Problem = view.Health.Problem,
            MapEpoch = map?.Epoch ?? 0,
            Voters = IdsOf(configuration.Voters.Union(configuration.OutgoingVoters)),
            Scrub = scrubs.Last,
            Learners = IdsOf(configuration.Learners.Union(configuration.LearnersNext)),
            Indexes = Array.ConvertAll(view.Indexes.Indexes, StatusOf),
        };
    }

    /// <inheritdoc/>
    public async ValueTask Stop()
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(new ReplicaInput.Stop("The replica has been stopped on this node.", stopped));
        scrubs.Stop();
        sender.Stop();
        await stopped.Task;
    }

    private IShardStore OpenStore(ulong prefix) => node.Disk.OpenShard(prefix, (ulong)Identity.ShardId);

    private void Work(ConcurrentQueue<ReplicaInput> inputs)
    {
        var nowMs = NowMs;
        while (inputs.TryDequeue(out var input))
        {
            executor.Take(input, nowMs);
        }
        executor.Drain(nowMs);
        watchers.Published(View.Revision);
    }

    private static void RunInBackground(Action work) =>
        ThreadPool.UnsafeQueueUserWorkItem(static work => work(), work, preferLocal: false);

    private long Measured(IShardStore store, Func<IShardStore, long> measure)
    {
        try
        {
            return measure(store);
        }
        catch (StoreFailedException failure)
        {
            calls.Met(failure);
            return 0;
        }
    }

    private static IndexStatus StatusOf(ShardIndex index) =>
        new()
        {
            Name = index.Definition.Name,
            State = index.State,
            Paths = index.Definition.Paths,
            Done = index.Done,
        };

    private static long[] IdsOf(IEnumerable<MemberId> members) => [.. members.Select(member => (long)member.Value)];

    private static string RoleOf(ReplicaView view) =>
        view switch
        {
            { Health: { Problem.Length: > 0, ServesReads: true } } => "read-only",
            { Health.Problem.Length: > 0 } => "stopped",
            { Role: RaftRole.Leader } => "leader",
            { Role: RaftRole.Follower, IsVoter: false } => "learner",
            { Role: RaftRole.Follower } => "follower",
            _ => "candidate",
        };

    [LoggerMessage(LogLevel.Warning, "Replica {ReplicaId} refused a malformed {Kind} message of replica {From}")]
    private partial void LogMalformed(long replicaId, PeerMessageKind kind, long from);
}
