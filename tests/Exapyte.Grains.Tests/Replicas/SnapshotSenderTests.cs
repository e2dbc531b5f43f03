using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Tests.Replicas;

public sealed class SnapshotSenderTests : IReplicaWire, IDisposable
{
    private static readonly MemberId Lagging = new(2);

    private readonly SemaphoreSlim slots = new(1, 1);
    private readonly List<SnapshotPart> sent = [];
    private readonly List<ReplicaInput> posted = [];
    private readonly SnapshotSender sender;

    public SnapshotSenderTests() => sender = new(this, slots, static work => work(), posted.Add);

    public void Dispose() => slots.Dispose();

    [Fact]
    public void A_snapshot_is_sent_part_by_part_and_ends_when_the_member_has_it()
    {
        Start();
        while (!sent[^1].IsLast)
        {
            Answer(sent[^1].Number + 1, SnapshotReplyStatus.Wanted);
        }
        Answer(int.MaxValue, SnapshotReplyStatus.Done);

        Assert.Equal(Enumerable.Range(0, sent.Count), sent.Select(part => part.Number));
        Assert.True(sent.Count > 2);
        Assert.Equal(new ReplicaInput.SnapshotSent(Lagging, new(5), IsReceived: true), Assert.Single(posted));
        Assert.Equal(1, slots.CurrentCount);
    }

    [Fact]
    public void A_part_that_is_not_answered_is_sent_again_and_given_up_after_a_while()
    {
        Start();
        Tick(SnapshotSender.AnswerTicks * SnapshotSender.AttemptsMax);

        Assert.Equal(Enumerable.Repeat(0, SnapshotSender.AttemptsMax), sent.Select(part => part.Number));
        Assert.Equal(new ReplicaInput.SnapshotSent(Lagging, new(5), IsReceived: false), Assert.Single(posted));
        Assert.Equal(1, slots.CurrentCount);
    }

    [Fact]
    public void A_member_that_has_all_and_is_not_through_with_it_is_not_given_up()
    {
        Start();
        while (!sent[^1].IsLast)
        {
            Answer(sent[^1].Number + 1, SnapshotReplyStatus.Wanted);
        }
        for (var round = 0; round < 2 * SnapshotSender.AttemptsMax; round++)
        {
            Tick(SnapshotSender.AnswerTicks);
            Answer(sent[^1].Number + 1, SnapshotReplyStatus.Wanted);
        }

        Assert.Empty(posted);
    }

    [Fact]
    public void A_member_that_refuses_is_left_alone_for_a_while_and_holds_no_place_meanwhile()
    {
        Start();
        Answer(0, SnapshotReplyStatus.Refused);
        Assert.Equal((1, 0), (slots.CurrentCount, posted.Count));
        Assert.False(sender.TryStart(Lagging, new(5), Open));

        Tick(SnapshotSender.PauseTicks);

        Assert.Equal(new ReplicaInput.SnapshotSent(Lagging, new(5), IsReceived: false), Assert.Single(posted));
    }

    [Fact]
    public void A_state_that_cannot_be_opened_leaves_its_place_to_others()
    {
        Assert.False(sender.TryStart(Lagging, new(5), static () => null));
        Assert.Throws<StoreDeletedException>(() =>
            sender.TryStart(Lagging, new(5), static () => throw new StoreDeletedException("gone"))
        );
        Assert.Equal(1, slots.CurrentCount);
    }

    [Fact]
    public void A_replica_that_stops_lets_go_what_it_was_sending()
    {
        Start();
        sender.Stop();

        Assert.Equal(1, slots.CurrentCount);
        Assert.Single(posted);
        Assert.False(sender.TryStart(Lagging, new(5), Open));
    }

    void IReplicaWire.Send(RaftMessage message) => Assert.Fail("No message of the core.");

    void IReplicaWire.Send(MemberId to, PeerMessageKind kind, byte[] payload) =>
        sent.Add(SnapshotPart.Decode(payload) ?? throw new InvalidOperationException("No part."));

    bool IReplicaWire.IsAlive(MemberId member) => true;

    bool IReplicaWire.IsSilent(MemberId member) => false;

    private void Start() => Assert.True(sender.TryStart(Lagging, new(5), Open));

    private void Answer(int nextPart, SnapshotReplyStatus status) =>
        sender.Answered(Lagging, new(sent[^1].Head.SnapshotId, nextPart, status));

    private void Tick(int ticks)
    {
        for (var tick = 0; tick < ticks; tick++)
        {
            sender.Tick();
        }
    }

    /// <summary>A state of five entries, each a part of its own.</summary>
    private static SnapshotSource Open()
    {
        var store = new MemoryStore(new(), TimeProvider.System);
        for (byte key = 1; key <= 5; key++)
        {
            var batch = store.NewBatch();
            batch.Put([key], new(new(key, 0), 1, 0, EntryFlags.None, "", new byte[100]));
            batch.AppliedIndex = key;
            store.Apply(batch);
        }
        return new(new ShardStateMachine(store), 77, new(1), Configuration.Of(new MemberId(1)), partBytesMax: 50);
    }
}
