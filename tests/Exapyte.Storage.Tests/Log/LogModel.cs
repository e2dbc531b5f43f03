using System.Globalization;
using System.Text;
using Exapyte.Storage.Log;

namespace Exapyte.Storage.Tests.Log;

/// <summary>What a log should hold, in the simplest words. Its text is compared with what a real log shows.</summary>
sealed class LogModel
{
    readonly SortedDictionary<ulong, Group> _groups = [];
    readonly SortedSet<ulong> _destroyed = [];
    long _clock;

    public long Clock => _clock;

    public IEnumerable<ulong> Hosted => _groups.Keys;

    public IEnumerable<ulong> Destroyed => _destroyed;

    public (ulong First, ulong Last) Range(ulong id) => (_groups[id].Compacted + 1, _groups[id].Last);

    public ulong TermAt(ulong id, ulong index) => index == 0 ? 0 : _groups[id].Entries[index].Term;

    public LogModel Clone()
    {
        var copy = new LogModel { _clock = _clock };
        foreach (var (id, group) in _groups)
            copy._groups.Add(id, group.Clone());
        copy._destroyed.UnionWith(_destroyed);
        return copy;
    }

    public void Describe(ulong id, string descriptor)
    {
        if (!_groups.TryGetValue(id, out var group))
            _groups.Add(id, group = new Group());
        group.Descriptor = descriptor;
    }

    public void Append(ulong id, GroupState? state, IEnumerable<LogRecordEntry> entries)
    {
        var group = _groups[id];
        group.State = state ?? group.State;
        var list = entries.ToArray();
        if (list.Length == 0)
            return;
        foreach (var index in group.Entries.Keys.Where(i => i >= list[0].Index).ToArray())
            group.Entries.Remove(index);
        foreach (var entry in list)
            group.Entries.Add(entry.Index, entry);
    }

    public void Compact(ulong id, ulong through)
    {
        var group = _groups[id];
        if (through <= group.Compacted)
            return;
        group.CompactedTerm = group.Entries[through].Term;
        group.Compacted = through;
        foreach (var index in group.Entries.Keys.Where(i => i <= through).ToArray())
            group.Entries.Remove(index);
    }

    public void Install(ulong id, ulong prefix, ulong index, ulong term, string configuration)
    {
        var group = _groups[id];
        group.Entries.Clear();
        (group.Compacted, group.CompactedTerm) = (index, term);
        group.Snapshot = $"{prefix}/{index}/{term}/{configuration}";
    }

    public void Destroy(ulong id)
    {
        _groups.Remove(id);
        _destroyed.Add(id);
    }

    public void Forget(ulong id) => _destroyed.Remove(id);

    public void RaiseClock(long stamp) => _clock = Math.Max(_clock, stamp);

    public override string ToString() => Show(_groups, _clock, _destroyed);

    /// <summary>One group alone.</summary>
    public string Show(ulong id) => _groups.TryGetValue(id, out var group) ? Show([new(id, group)], 0, []) : "none";

    static string Show(IEnumerable<KeyValuePair<ulong, Group>> groups, long clock, IEnumerable<ulong> destroyed)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"clock {clock} destroyed {string.Join(' ', destroyed)}");
        foreach (var (id, group) in groups)
        {
            Write(text, id, group.Descriptor, group.State, group.Compacted, group.CompactedTerm, group.Snapshot);
            foreach (var entry in group.Entries.Values)
                Write(text, entry);
        }
        return text.ToString();
    }

    /// <summary>The same text of a log as it was recovered and as it reads.</summary>
    public static string Show(INodeLog log, NodeLogRecovery recovery)
    {
        var text = new StringBuilder();
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"clock {recovery.ClockHighWater} destroyed {string.Join(' ', recovery.Destroyed)}"
        );
        foreach (var group in recovery.Groups)
        {
            var snapshot = group.Snapshot is { } s
                ? $"{s.Prefix}/{s.Index}/{s.Term}/{Encoding.UTF8.GetString(s.Configuration.Span)}"
                : null;
            Write(
                text,
                group.Id.Value,
                Encoding.UTF8.GetString(group.Descriptor.Span),
                group.State,
                group.FirstIndex - 1,
                group.CompactedTerm,
                snapshot
            );
            if (group.Quarantined is { } reason)
                text.AppendLine(CultureInfo.InvariantCulture, $"  quarantined: {reason}");
            else
                log.ReadAll(group.Id.Value).ForEach(e => Write(text, e));
        }
        return text.ToString();
    }

    static void Write(
        StringBuilder text,
        ulong id,
        string descriptor,
        GroupState state,
        ulong compacted,
        ulong compactedTerm,
        string? snapshot
    ) =>
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"group {id} '{descriptor}' {state.Term}/{state.Vote}/{state.Commit} behind {compacted}@{compactedTerm} snapshot {snapshot}"
        );

    static void Write(StringBuilder text, LogRecordEntry entry) =>
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"  {entry.Index}@{entry.Term} {entry.Kind} {entry.Payload.Length} {Convert.ToHexString(entry.Payload.Span[..Math.Min(8, entry.Payload.Length)])}"
        );

    sealed class Group
    {
        public string Descriptor = "";
        public GroupState State;
        public ulong Compacted;
        public ulong CompactedTerm;
        public string? Snapshot;
        public SortedDictionary<ulong, LogRecordEntry> Entries { get; } = [];

        public Group Clone()
        {
            var copy = new Group
            {
                Descriptor = Descriptor,
                State = State,
                Compacted = Compacted,
                CompactedTerm = CompactedTerm,
                Snapshot = Snapshot,
            };
            foreach (var (index, entry) in Entries)
                copy.Entries.Add(index, entry);
            return copy;
        }

        public ulong Last => Entries.Count == 0 ? Compacted : Entries.Keys.Last();
    }
}
