using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Simulation.Invariants;

/// <summary>What every replica must have come to once it has applied an index.</summary>
internal sealed record Expected(ShardState State, ulong StateHash, AppliedWrite[] Outcomes);

/// <summary>
/// The state machine once more, written from its description and as plainly as possible: each committed entry goes through
/// it once, in order, and says what every replica must make of it.
/// </summary>
internal sealed class Oracle
{
    private const int EvictionsMax = 8;
    private const int StrokeRows = 256;
    private static readonly AppliedWrite Misplaced = new(OutcomeKind.WrongShard, default, false);

    private readonly record struct Entry(ulong Revision, long ModifiedMs, long ExpiresMs, byte[] Value);

    private readonly record struct Remembered(ulong BodyHash, AppliedWrite Write, long StampMs, ulong KeyHash);

    private readonly record struct Change(ulong Revision, ChangeKind Kind, string Key, long StampMs)
    {
        public int Bytes => 13 + 9 + Encoding.UTF8.GetByteCount(Key);
    }

    private Dictionary<string, Entry> entries = new(StringComparer.Ordinal);
    private Dictionary<string, Remembered> requests = new(StringComparer.Ordinal);
    private readonly SortedSet<(long StampMs, string Id)> ages = new(AgeOrder.Instance);
    private readonly List<Change> changes = [];
    private byte[]? configuration;
    private ShardOwnership? ownership;
    private ulong revision;
    private long stampMs;
    private ulong changesAfter;
    private bool keepsChanges;

    /// <summary>How often a request id was met again and remembered.</summary>
    public int Recalls { get; private set; }

    public int Evictions { get; private set; }

    /// <summary>How often changes were too old to be kept.</summary>
    public int Trims { get; private set; }

    /// <summary>The revision of a key's entry, expired or not; 0: it has none.</summary>
    public ulong RevisionOf(string key) => entries.TryGetValue(key, out var entry) ? entry.Revision : 0;

    /// <summary>When a key's entry ends, Unix milliseconds; 0: it stays, or there is none.</summary>
    public long ExpiresMsOf(string key) => entries.TryGetValue(key, out var entry) ? entry.ExpiresMs : 0;

    /// <summary>Takes in the next committed entry.</summary>
    public Expected Apply(in LogEntry entry, ShardCommand? command, bool withHash)
    {
        AppliedWrite[] outcomes = [];
        if (command is not (null or ScrubCommand))
        {
            stampMs = Math.Max(stampMs, command.StampMs);
        }
        switch (command)
        {
            case WriteCommand write:
                outcomes = Apply(write);
                break;
            case SweepCommand sweep:
                Apply(sweep);
                break;
            case OwnershipCommand owned:
                ownership ??= owned.Ownership;
                break;
        }
        if (entry.Kind == EntryKind.Configuration && ConfigurationCodec.TryDecode(entry.Payload.Span, out var next))
        {
            configuration = ConfigurationCodec.Encode(next.At(entry.Index));
        }
        var state = new ShardState(revision, stampMs, entry.Term, changesAfter, changes.Sum(change => change.Bytes));
        return new(state, withHash ? Hash() : 0, outcomes);
    }

    private void Apply(SweepCommand command)
    {
        var kept = changes.Count;
        keepsChanges = command.ChangeRetentionMs > 0;
        foreach (var key in command.Keys)
        {
            var name = Encoding.UTF8.GetString(key.Span);
            if (entries.TryGetValue(name, out var entry) && HasEnded(entry))
            {
                entries.Remove(name);
                Changed(ChangeKind.Expire, name);
            }
        }
        Trim(kept, command.ChangeRetentionMs);
    }

    private AppliedWrite[] Apply(WriteCommand command)
    {
        var outcomes = new AppliedWrite[command.Writes.Length];
        var (entriesBefore, requestsBefore, revisionBefore, kept) = (entries, requests, revision, changes.Count);
        keepsChanges = command.ChangeRetentionMs > 0;
        if (command.Atomic)
        {
            entries = new(entries, StringComparer.Ordinal);
            requests = new(requests, StringComparer.Ordinal);
        }
        for (var i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] = Owns(command.Writes[i]) ? ApplyOnce(command.Writes[i]) : Misplaced;
            if (command.Atomic && outcomes[i].Kind != OutcomeKind.Ok)
            {
                (entries, requests, revision) = (entriesBefore, requestsBefore, revisionBefore);
                changes.RemoveRange(kept, changes.Count - kept);
                var others = new AppliedWrite(OutcomeKind.PreconditionFailed, default, false);
                for (var j = 0; j < outcomes.Length; j++)
                {
                    outcomes[j] = j == i ? outcomes[j] : others;
                }
                break;
            }
        }
        if (command.Atomic && !command.Writes.All(write => Owns(write)))
        {
            Array.Fill(outcomes, Misplaced);
        }
        Evict(stampMs - command.RequestIdWindowMs);
        Trim(kept, command.ChangeRetentionMs);
        return outcomes;
    }

    private bool Owns(in CommandWrite write) => ownership?.Owns(write.Key.Span) != false;

    private bool HasEnded(in Entry entry) => entry.ExpiresMs != 0 && entry.ExpiresMs <= stampMs;

    private void Changed(ChangeKind kind, string key)
    {
        revision++;
        if (keepsChanges)
        {
            changes.Add(new(revision, kind, key, stampMs));
        }
    }

    /// <summary>
    /// Once the oldest of those that were kept before is older than the retention and a sixteenth, those go that are older than
    /// the retention: 256 of them, or twice as many as came.
    /// </summary>
    private void Trim(int keptBefore, long retentionMs)
    {
        if (keptBefore == 0 || changes[0].StampMs >= stampMs - retentionMs - (retentionMs / 16))
        {
            return;
        }
        var most = Math.Min(keptBefore, Math.Max(StrokeRows, 2 * (changes.Count - keptBefore)));
        var gone = 0;
        while (gone < most && changes[gone].StampMs < stampMs - retentionMs)
        {
            gone++;
        }
        changesAfter = changes[gone - 1].Revision;
        changes.RemoveRange(0, gone);
        Trims++;
    }

    private AppliedWrite ApplyOnce(in CommandWrite write)
    {
        if (write.RequestId is not { } id)
        {
            return ApplyWrite(write);
        }
        var bodyHash = RequestLog.BodyHashOf(write);
        if (requests.TryGetValue(id, out var remembered))
        {
            Recalls++;
            return remembered.BodyHash == bodyHash
                ? remembered.Write
                : new(OutcomeKind.RequestIdReused, default, false);
        }
        var outcome = ApplyWrite(write);
        // The row has no room for the end of an entry, nor for a number.
        requests[id] = new(
            bodyHash,
            outcome with
            {
                ExpiresMs = 0,
                Number = null,
            },
            stampMs,
            KeyHash.HashOf(write.Key.Span, [])
        );
        ages.Add((stampMs, id));
        return outcome;
    }

    private AppliedWrite ApplyWrite(in CommandWrite write)
    {
        var key = Encoding.UTF8.GetString(write.Key.Span);
        var current =
            entries.TryGetValue(key, out var entry) && (entry.ExpiresMs == 0 || entry.ExpiresMs > stampMs)
                ? new VersionStamp(entry.Revision)
                : VersionStamp.None;
        if (write.Condition is { } condition && !condition.IsMetBy(current))
        {
            return new(OutcomeKind.PreconditionFailed, current, false);
        }
        if (write.Kind == OperationKind.Delete)
        {
            if (current.IsNone)
            {
                return new(OutcomeKind.Ok, default, false);
            }
            entries.Remove(key);
            Changed(ChangeKind.Delete, key);
            return new(OutcomeKind.Ok, new(revision), true);
        }
        var expiresMs = write.KeepsEnd && !current.IsNone ? entry.ExpiresMs : write.ExpiresMs(stampMs);
        long? sum = null;
        if (write.Kind == OperationKind.Increment)
        {
            sum = NumberIn(write.Value.Span) + (current.IsNone ? 0 : NumberIn(entry.Value));
        }
        if (keepsChanges && entries.TryGetValue(key, out var ended) && HasEnded(ended))
        {
            Changed(ChangeKind.Expire, key);
        }
        Changed(ChangeKind.Put, key);
        var value = sum is null ? write.Value.ToArray() : Encoding.UTF8.GetBytes($"{sum}");
        entries[key] = new(revision, stampMs, expiresMs, value);
        return new(OutcomeKind.Ok, new(revision), current.IsNone) { ExpiresMs = expiresMs, Number = sum };
    }

    private static long NumberIn(ReadOnlySpan<byte> text) => long.Parse(text, CultureInfo.InvariantCulture);

    private void Evict(long beforeMs)
    {
        for (var i = 0; i < EvictionsMax && ages.Count > 0; )
        {
            var oldest = ages.Min;
            if (!requests.TryGetValue(oldest.Id, out var remembered) || remembered.StampMs != oldest.StampMs)
            {
                // Left behind by an atomic command that was undone.
                ages.Remove(oldest);
                continue;
            }
            if (oldest.StampMs >= beforeMs)
            {
                return;
            }
            ages.Remove(oldest);
            requests.Remove(oldest.Id);
            Evictions++;
            i++;
        }
    }

    /// <summary>All rows that a replica must hold now, as text.</summary>
    public List<string> Rows()
    {
        List<string> rows = [];
        Visit((key, value) => rows.Add($"{Encoding.UTF8.GetString(key)}={Convert.ToHexString(value)}"));
        return rows;
    }

    private ulong Hash()
    {
        var hash = 0ul;
        Visit((key, value) => hash += StateHash.OfRow(key, value));
        return hash;
    }

    private void Visit(Row visit)
    {
        Span<byte> head = stackalloc byte[StateHash.EntryBytes];
        foreach (var (key, entry) in entries)
        {
            if (entry.ExpiresMs == 0 || entry.ExpiresMs > stampMs)
            {
                StateHash.Head(head, entry.Revision, entry.ModifiedMs, entry.ExpiresMs, entry.Value);
                visit(Encoding.UTF8.GetBytes(key), head);
            }
        }
        if (configuration is not null)
        {
            visit("c"u8, configuration);
        }
        if (ownership is not null)
        {
            visit("b"u8, ownership.Encode());
        }
        foreach (var change in changes)
        {
            Span<byte> changeKey = new byte[13];
            changeKey[0] = (byte)'h';
            BinaryPrimitives.WriteUInt64BigEndian(changeKey[1..], change.Revision);
            byte[] value =
            [
                (byte)change.Kind,
                .. BitConverter.GetBytes(change.StampMs),
                .. Encoding.UTF8.GetBytes(change.Key),
            ];
            visit(changeKey, value);
        }
        Span<byte> row = stackalloc byte[34];
        foreach (var (id, remembered) in requests)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(row, remembered.BodyHash);
            row[8] = (byte)remembered.Write.Kind;
            BinaryPrimitives.WriteUInt64LittleEndian(row[9..], remembered.Write.Version.Revision);
            BinaryPrimitives.WriteUInt64LittleEndian(row[17..], remembered.Write.Version.Origin);
            row[25] = remembered.Write.Changed ? (byte)1 : (byte)0;
            BinaryPrimitives.WriteUInt64LittleEndian(row[26..], remembered.KeyHash);
            visit(Encoding.UTF8.GetBytes($"r{id}"), row);
        }
    }

    private sealed class AgeOrder : IComparer<(long StampMs, string Id)>
    {
        public static readonly AgeOrder Instance = new();

        public int Compare((long StampMs, string Id) x, (long StampMs, string Id) y)
        {
            var byStamp = x.StampMs.CompareTo(y.StampMs);
            return byStamp != 0 ? byStamp : string.CompareOrdinal(x.Id, y.Id);
        }
    }
}
