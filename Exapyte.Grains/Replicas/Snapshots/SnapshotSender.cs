using Exapyte.Grains.Replicas.Raft;
using Exapyte.Raft;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Snapshots;

/// <summary>
/// Streams snapshots from a leader to members that lag behind its log, one a member, part by part: each part is sent
/// again until the receiver asks for the next one, and given up after a while. It has no thread and no timer: what reads the
/// store is handed to <paramref name="run"/>, and time is the ticks of the replica. Thread-safe.
/// </summary>
/// <param name="wire">The way to the members.</param>
/// <param name="slots">Snapshots that the node may send at one time.</param>
/// <param name="run">Runs what may take a while; never in the caller's own turn where that is the replica's.</param>
/// <param name="post">Told how a sending ended, and of damage.</param>
internal sealed class SnapshotSender(
    IReplicaWire wire,
    SemaphoreSlim slots,
    Action<Action> run,
    Action<ReplicaInput> post
)
{
    /// <summary>Ticks after which a part that was not answered is sent again.</summary>
    public const int AnswerTicks = 20;

    /// <summary>Ticks before a member that refused a snapshot, for its disk is full, is sent another one.</summary>
    public const int PauseTicks = 10;

    /// <summary>How often a part is sent.</summary>
    public const int AttemptsMax = 5;

    private readonly Lock gate = new();
    private readonly Dictionary<MemberId, Stream> streams = [];
    private bool isStopped;

    /// <summary>One sending under way. Used under its own lock, but for what says that it is used under the sender's.</summary>
    private sealed class Stream(MemberId to, LogIndex index, SnapshotSource source)
    {
        public MemberId To => to;

        public LogIndex Index => index;

        public SnapshotSource Source => source;

        public SnapshotPart? Part { get; set; }

        public byte[] Payload { get; set; } = [];

        public bool IsOver { get; set; }

        /// <summary>Under the sender's lock: the newest answer that nobody has looked at yet.</summary>
        public SnapshotReply? Answer { get; set; }

        /// <summary>Under the sender's lock: ticks until it is sent again, or ends.</summary>
        public int TicksLeft { get; set; } = AnswerTicks;

        /// <summary>Under the sender's lock: how often the part was sent.</summary>
        public int Attempts { get; set; } = 1;

        /// <summary>Under the sender's lock: it was refused, and only the pause is left of it.</summary>
        public bool IsPausing { get; set; }
    }

    /// <summary>Begins to send; false where a snapshot for that member is under way, or the node sends enough already.</summary>
    /// <param name="to">The member.</param>
    /// <param name="index">The index that the state is of.</param>
    /// <param name="open">Opens the state; null where it cannot be sent.</param>
    public bool TryStart(MemberId to, LogIndex index, Func<SnapshotSource?> open)
    {
        lock (gate)
        {
            if (isStopped || streams.ContainsKey(to) || !slots.Wait(0))
            {
                return false;
            }
        }
        SnapshotSource? source = null;
        try
        {
            source = open();
        }
        finally
        {
            if (source is null)
            {
                slots.Release();
            }
        }
        if (source is null)
        {
            return false;
        }
        var stream = new Stream(to, index, source);
        lock (gate)
        {
            streams.Add(to, stream);
            if (isStopped)
            {
                Stop();
            }
        }
        run(() => Advance(stream, resend: false));
        return true;
    }

    /// <summary>An answer of a member arrived.</summary>
    public void Answered(MemberId from, SnapshotReply reply)
    {
        Stream? stream;
        lock (gate)
        {
            if (
                !streams.TryGetValue(from, out stream)
                || stream.Source.Head.SnapshotId != reply.SnapshotId
                || stream.IsPausing
            )
            {
                return;
            }
            stream.Answer = reply;
        }
        run(() => Advance(stream, resend: false));
    }

    /// <summary>A tick of the replica's clock has passed, asleep or not.</summary>
    public void Tick()
    {
        lock (gate)
        {
            foreach (var stream in streams.Values.ToArray())
            {
                if (--stream.TicksLeft > 0)
                {
                    continue;
                }
                if (stream.IsPausing || ++stream.Attempts > AttemptsMax)
                {
                    streams.Remove(stream.To);
                    run(() => End(stream, isReceived: false));
                    continue;
                }
                // The part or its answer was lost, or the receiver is slow: it is sent again, which is idempotent.
                stream.TicksLeft = AnswerTicks;
                run(() => Advance(stream, resend: true));
            }
        }
    }

    /// <summary>Nothing is sent any more: what is under way ends without its member having it.</summary>
    public void Stop()
    {
        lock (gate)
        {
            isStopped = true;
            foreach (var stream in streams.Values.ToArray())
            {
                streams.Remove(stream.To);
                run(() => End(stream, isReceived: false));
            }
        }
    }

    private void Advance(Stream stream, bool resend)
    {
        lock (stream)
        {
            if (stream.IsOver)
            {
                return;
            }
            SnapshotReply? answer;
            lock (gate)
            {
                (answer, stream.Answer) = (stream.Answer, null);
            }
            try
            {
                Advance(stream, answer, resend);
            }
            catch (StoreDamagedException met)
            {
                // What was sent so far never counts without its end; whoever leads next sends a state of its own.
                post(new ReplicaInput.DamageFound(met.Message));
                Remove(stream, isReceived: false);
            }
            catch (Exception met) when (met is StoreFailedException or ObjectDisposedException)
            {
                Remove(stream, isReceived: false);
            }
        }
    }

    private void Advance(Stream stream, SnapshotReply? answer, bool resend)
    {
        var isNext = stream.Part is null;
        if (answer is { } reply && stream.Part is { } part)
        {
            if (reply.Status == SnapshotReplyStatus.Refused)
            {
                Pause(stream);
                return;
            }
            if (reply.Status == SnapshotReplyStatus.Done)
            {
                Remove(stream, isReceived: true);
                return;
            }
            var isTaken = reply.NextPart > part.Number;
            isNext = isTaken && !part.IsLast;
            if (isTaken)
            {
                // Also where it was the last: the receiver has all and is not through with it yet.
                lock (gate)
                {
                    (stream.TicksLeft, stream.Attempts) = (AnswerTicks, 1);
                }
            }
        }
        if (isNext)
        {
            stream.Part = stream.Source.Next();
            stream.Payload = stream.Part.Encode();
        }
        if (isNext || resend)
        {
            wire.Send(stream.To, PeerMessageKind.SnapshotChunk, stream.Payload);
        }
    }

    /// <summary>It was refused: what it held is let go, and the member is left alone for a while.</summary>
    private void Pause(Stream stream)
    {
        lock (gate)
        {
            (stream.IsPausing, stream.TicksLeft) = (true, PauseTicks);
        }
        Close(stream);
    }

    private void Remove(Stream stream, bool isReceived)
    {
        lock (gate)
        {
            if (!streams.Remove(stream.To))
            {
                return;
            }
        }
        End(stream, isReceived);
    }

    private void End(Stream stream, bool isReceived)
    {
        lock (stream)
        {
            Close(stream);
        }
        post(new ReplicaInput.SnapshotSent(stream.To, stream.Index, isReceived));
    }

    private void Close(Stream stream)
    {
        if (stream.IsOver)
        {
            return;
        }
        stream.IsOver = true;
        stream.Source.Dispose();
        slots.Release();
    }
}
