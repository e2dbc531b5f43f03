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
    public async Task What_a_memory_copy_has_no_room_for_drives_the_oldest_out_and_is_never_acknowledged()
    {
        var budget = new PushBudget(3 * BytesOfOne);
        var lane = Lane(Quick, budget);
        peer.Answers = OutcomeKind.Unavailable;
        lane.Enqueue([Put("k", 1, "1")], null);
        await Eventually.Holds(() => peer.Calls > 0 && lane.Waiting == 0, "The first is on its way.");
        var lost = new AckCounter(1);
        var whole = new AckCounter(1);
        lane.Enqueue([Put("k", 2, "2")], lost);
        lane.Enqueue([Put("k", 3, "3"), Put("l", 4, "4")], whole);

        peer.Answers = OutcomeKind.Ok;
        await Eventually.Holds(() => whole.Acknowledged == 1, "What is complete is acknowledged.");
        Assert.Equal(["1@1.1", "3@3.1", "4@4.1"], peer.Held);
        Assert.Equal((0, 1L, 0L), (lost.Acknowledged, lane.Dropped, budget.Bytes));
    }

    [Fact]
    public async Task The_memory_of_all_lanes_together_is_bounded_and_what_finds_no_room_is_read_from_the_log()
    {
        using var copy = new LoggedCopy();
        var budget = new PushBudget(2 * BytesOfOne);
        List<PushLane> lanes = [];
        for (var i = 0; i < 3; i++)
        {
            lanes.Add(Lane(Quick, budget, new(copy.Copy.Log!, 1)));
        }
        peer.Answers = OutcomeKind.Unavailable;
        var acks = new AckCounter(3);
        for (ulong revision = 1; revision <= 20; revision++)
        {
            StampedEntry[] entries = [Put("k", revision, $"{revision}")];
            await copy.End(copy.Copy.Write(entries, out var index));
            lanes.ForEach(lane => lane.Enqueue(entries, revision == 20 ? acks : null, index));
            copy.Copy.HandedOver(index);
            Assert.InRange(budget.Bytes, 0, 2 * BytesOfOne);
        }
        Assert.All(lanes, lane => Assert.True(lane.OldestIndex <= 2));

        peer.Answers = OutcomeKind.Ok;
        await Eventually.Holds(() => lanes.TrueForAll(lane => lane.OldestIndex is null), "All of it has arrived.");
        Assert.Equal(20, peer.Held.Distinct().Count());
        Assert.Equal((3, 0L), (acks.Acknowledged, budget.Bytes));
    }

    [Fact]
    public async Task For_a_peer_that_is_away_nothing_is_kept_but_the_place_in_the_log()
    {
        using var copy = new LoggedCopy();
        var budget = new PushBudget(1 << 20);
        var isAlive = true;
        var lane = Lane(Quick, budget, new(copy.Copy.Log!, 1), () => Volatile.Read(ref isAlive));
        peer.Answers = OutcomeKind.Unavailable;
        StampedEntry[] first = [Put("k", 1, "1")];
        await copy.End(copy.Copy.Write(first, out var index));
        lane.Enqueue(first, null, index);
        await Eventually.Holds(() => peer.Calls > 0, "It is on its way.");

        Volatile.Write(ref isAlive, false);
        await Eventually.Holds(() => budget.Bytes == 0, "What was on its way is forgotten.");
        StampedEntry[] second = [Put("k", 2, "2")];
        await copy.End(copy.Copy.Write(second, out index));
        lane.Enqueue(second, null, index);
        Assert.Equal((0L, 1UL), (budget.Bytes, lane.OldestIndex));

        peer.Answers = OutcomeKind.Ok;
        Volatile.Write(ref isAlive, true);
        await Eventually.Holds(() => lane.OldestIndex is null, "All of it has arrived.");
        Assert.Equal(["1@1.1", "2@2.1"], peer.Held);
    }

    [Fact]
    public async Task A_write_that_the_peer_never_takes_holds_up_no_other()
    {
        var lane = Lane(Quick);
        peer.Refuses = text => text.StartsWith("poison", StringComparison.Ordinal) ? OutcomeKind.Invalid : null;
        peer.Answers = OutcomeKind.Unavailable;
        lane.Enqueue([Put("a", 1, "1")], null);
        lane.Enqueue([Put("b", 2, "poison")], null);
        lane.Enqueue([Put("c", 3, "3")], null);
        await Eventually.Holds(() => peer.Calls > 0, "It is tried.");

        peer.Answers = OutcomeKind.Ok;
        await Eventually.Holds(() => lane.OldestIndex is null && peer.Held.Count == 2, "The others have arrived.");
        Assert.Equal(["1@1.1", "3@3.1"], peer.Held);
        await Eventually.Holds(() => lane.Dropped == 1, "It is counted.");
    }

    [Fact]
    public async Task A_write_whose_calls_keep_failing_is_put_aside_and_tried_again()
    {
        var lane = Lane(Quick);
        peer.ThrowsAt = text => text.StartsWith("poison", StringComparison.Ordinal);
        lane.Enqueue([Put("a", 1, "1")], null);
        lane.Enqueue([Put("b", 2, "poison")], null);
        lane.Enqueue([Put("c", 3, "3")], null);
        await Eventually.Holds(() => peer.Held.Count == 2, "The others have arrived.");
        Assert.Equal(["1@1.1", "3@3.1"], peer.Held);

        peer.ThrowsAt = null;
        await Eventually.Holds(() => peer.Held.Count == 3, "It has arrived too.");
    }

    [Fact]
    public async Task An_acknowledgement_says_what_won_at_the_peer_over_each_entry()
    {
        var lane = Lane(Quick);
        peer.Won = key => key == "b" ? new(9, 9) : VersionStamp.None;
        var acks = new AckCounter(1);
        lane.Enqueue([Put("z", 1, "1")], null);
        lane.Enqueue([Put("a", 2, "2"), Put("b", 3, "3")], acks);
        await Eventually.Holds(() => acks.Acknowledged == 1, "It is acknowledged.");
        Assert.Equal([VersionStamp.None, new(9, 9)], acks.Winners!);
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

    private static readonly long BytesOfOne = WireBatches.BytesOf(Put("k", 1, "1"));

    private PushLane Lane(
        PushLimits limits,
        PushBudget? budget = null,
        PushLog? log = null,
        Func<bool>? isAlive = null
    ) => new(peer, isAlive ?? (static () => true), 1, TimeProvider.System, limits, budget ?? new(1 << 30), log);

    /// <summary>The other replica: takes pushes, or does not, as told.</summary>
    internal sealed class Peer : IShardGrain
    {
        private readonly Lock gate = new();
        private readonly List<string> held = [];

        public OutcomeKind Answers { get; set; } = OutcomeKind.Ok;

        public bool Throws { get; set; }

        /// <summary>Refuses batches with an entry of such a text.</summary>
        public Func<string, OutcomeKind?> Refuses { get; set; } = static _ => null;

        /// <summary>Throws for batches with an entry of such a text.</summary>
        public Func<string, bool>? ThrowsAt { get; set; }

        /// <summary>What it holds of a key instead.</summary>
        public Func<string, VersionStamp> Won { get; set; } = static _ => VersionStamp.None;

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
                if (Throws || request.Entries.Any(entry => ThrowsAt?.Invoke(entry.Text()) == true))
                {
                    throw new TimeoutException("The call was lost.");
                }
                var answers =
                    Answers == OutcomeKind.Ok
                        ? request
                            .Entries.Select(entry => Refuses(entry.Text()))
                            .FirstOrDefault(kind => kind is not null)
                            ?? OutcomeKind.Ok
                        : Answers;
                if (answers == OutcomeKind.Ok)
                {
                    held.AddRange(request.Entries.Select(entry => entry.Text()));
                    LargestBytes = Math.Max(
                        LargestBytes,
                        request.Entries.Sum(entry => (long)entry.Key.Length + entry.Value.Length)
                    );
                }
                return ValueTask.FromResult(
                    new ReplicateReply
                    {
                        Kind = answers,
                        Winners =
                        [
                            .. request.Entries.Select(entry =>
                                Won(System.Text.Encoding.UTF8.GetString(entry.Key.Span))
                            ),
                        ],
                    }
                );
            }
        }

        public ValueTask<LocalReadReply> ReadLocal(LocalReadRequest request) => throw new NotSupportedException();

        public ValueTask<LocalScanReply> ScanLocal(LocalScanRequest request) => throw new NotSupportedException();

        public ValueTask<BatchReply> Execute(OperationBatch batch) => throw new NotSupportedException();

        public ValueTask<ScanReply> Scan(ScanRequest request) => throw new NotSupportedException();

        public ValueTask<SnapshotPage> ReadSnapshot(SnapshotPageRequest request) => throw new NotSupportedException();

        public ValueTask<ChangesReply> ReadChanges(ChangesRequest request) => throw new NotSupportedException();

        public ValueTask<ReplicaStatus> Status() => throw new NotSupportedException();
    }
}
