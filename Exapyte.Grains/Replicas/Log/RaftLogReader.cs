using Exapyte.Raft;
using Exapyte.Storage.Log;

namespace Exapyte.Grains.Replicas.Log;

/// <summary>Shows a replica's part of the node log to its consensus core.</summary>
internal sealed class RaftLogReader(GroupLog log) : IRaftLogReader
{
    private readonly List<LogRecordEntry> records = [];

    public LogIndex FirstIndex => new(log.FirstIndex);

    public LogIndex LastIndex => new(log.LastIndex);

    public Term? TermAt(LogIndex index) => log.TermAt(index.Value) is { } term ? new Term(term) : null;

    public void Read(LogIndex from, LogIndex through, long maxBytes, List<LogEntry> into)
    {
        records.Clear();
        var status = log.Read(from.Value, through.Value, maxBytes, records);
        if (status is LogReadStatus.Damaged or LogReadStatus.IoError)
        {
            throw new ReplicaFailedException(
                $"Entries from {from} on cannot be read from the log: {status}.",
                isOfDamage: status == LogReadStatus.Damaged
            );
        }
        foreach (var record in records)
        {
            into.Add(new(new(record.Term), new(record.Index), (EntryKind)record.Kind, record.Payload));
        }
    }
}
