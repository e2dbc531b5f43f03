using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;
using static Exapyte.Grains.Tests.Leaderless.Entries;

namespace Exapyte.Grains.Tests.Leaderless;

public sealed class PushLaneTests
{
    private static readonly PushLimits Quick = new()
    {
        RetryPauseMin = TimeSpan.FromMilliseconds(1),
        RetryPauseMax = TimeSpan.FromMilliseconds(5),
    };

    private readonly Peer peer = new();

    [Fact]
    public async Task What_a_peer_does_not_take_is_pushed_until_it_does_in_order()
    {
        var lane = Lane(Quick);
        peer.Answers = OutcomeKind.DiskFull;
        var acks = new AckCounter(1);
        lane.Enqueue([Put("a", 1, "one"), Put("b", 2, "two")], acks);
        lane.Enqueue([Put("a", 3, "three")], null);
        await Eventually.Holds(() => peer.Calls > 3, "It is tried again and again.");
        Assert.Equal(0, acks.Acknowledged);

        peer.Answers = OutcomeKind.Ok;
        await Eventually.Holds(() => peer.Held.Count == 3, "All of it has arrived.");
        Assert.Equal(["one@1.1", "two@2.1", "three@3.1"], peer.Held);
        await Eventually.Holds(() => acks.Acknowledged == 1, "The whole is acknowledged once.");
    }

    [Fact]
    public async Task A_call_that_fails_is_a_push_that_did_not_arrive()
    {
        var lane = Lane(Quick);
        peer.Throws = true;
        lane.Enqueue([Put("a", 1, "one")], null);
        await Eventually.Holds(() => peer.Calls > 2, "It is tried again.");
        peer.Throws = false;
        await Eventually.Holds(() => peer.Held.Count == 1, "It has arrived.");
    }

    [Fact]
    public async Task Writes_of_which_a_part_was_dropped_are_never_acknowledged()
    {
        var lane = Lane(Quick with { EntriesMax = 2 });
        peer.Answers = OutcomeKind.Unavailable;
        lane.Enqueue([Put("busy", 1, "keeps the lane busy")], null);
        await Eventually.Holds(() => peer.Calls > 0 && lane.Waiting == 0, "The first is on its way.");
        var torn = new AckCounter(1);
        var whole = new AckCounter(1);
        lane.Enqueue([Put("a", 2, "two"), Put("b", 3, "three")], torn);
        lane.Enqueue([Put("c", 4, "four")], whole);

        peer.Answers = OutcomeKind.Ok;
        await Eventually.Holds(() => whole.Acknowledged == 1, "What is complete is acknowledged.");
        Assert.Equal(["keeps the lane busy@1.1", "three@3.1", "four@4.1"], peer.Held);
        Assert.Equal((0, 1L), (torn.Acknowledged, lane.Dropped));
    }

    [Fact]
    public async Task No_batch_is_larger_than_the_wire_takes()
    {
        var lane = Lane(Quick);
        var value = new string('x', Limits.WireBatchBytesMax / 3);
        lane.Enqueue([.. Enumerable.Range(1, 7).Select(i => Put($"k{i}", (ulong)i, value))], null);
        await Eventually.Holds(() => peer.Held.Count == 7, "All of it has arrived.");
        Assert.InRange(peer.LargestBytes, 1, Limits.WireBatchBytesMax);
        Assert.Equal(4, peer.Calls);
    }

    [Fact]
    public async Task A_stopped_lane_forgets_what_waits()
    {
        var lane = Lane(Quick);
        peer.Answers = OutcomeKind.NoSuchReplica;
        lane.Enqueue([Put("a", 1, "one")], null);
        await Eventually.Holds(() => peer.Calls > 0, "It was tried.");
        lane.Enqueue([Put("a", 2, "two")], null);
        lane.Stop();
        lane.Enqueue([Put("a", 3, "three")], null);
        Assert.Equal(0, lane.Waiting);
    }

    private PushLane Lane(PushLimits limits) => new(peer, () => true, 1, TimeProvider.System, limits);

    /// <summary>The other replica: takes pushes, or does not, as told.</summary>
    private sealed class Peer : IShardGrain
    {
        private readonly Lock gate = new();
        private readonly List<string> held = [];

        public OutcomeKind Answers { get; set; } = OutcomeKind.Ok;

        public bool Throws { get; set; }

        public int Calls { get; private set; }

        public long LargestBytes { get; private set; }

        public IReadOnlyList<string> Held
        {
            get
            {
                lock (gate)
                {
                    return [.. held];
                }
            }
        }

        public ValueTask<ReplicateReply> Replicate(ReplicateRequest request)
        {
            lock (gate)
            {
                Calls++;
                if (Throws)
                {
                    throw new TimeoutException("The call was lost.");
                }
                if (Answers == OutcomeKind.Ok)
                {
                    held.AddRange(request.Entries.Select(entry => entry.Text()));
                    LargestBytes = Math.Max(
                        LargestBytes,
                        request.Entries.Sum(entry => (long)entry.Key.Length + entry.Value.Length)
                    );
                }
                return ValueTask.FromResult(new ReplicateReply { Kind = Answers });
            }
        }

        public ValueTask<LocalReadReply> ReadLocal(LocalReadRequest request) => throw new NotSupportedException();

        public ValueTask<BatchReply> Execute(OperationBatch batch) => throw new NotSupportedException();

        public ValueTask<ScanReply> Scan(ScanRequest request) => throw new NotSupportedException();

        public ValueTask<SnapshotPage> ReadSnapshot(SnapshotPageRequest request) => throw new NotSupportedException();

        public ValueTask<ReplicaStatus> Status() => throw new NotSupportedException();
    }
}
