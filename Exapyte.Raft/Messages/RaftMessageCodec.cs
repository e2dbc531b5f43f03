using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Exapyte.Raft;

/// <summary>
/// The wire format of messages, version 1: version, kind, flags (1 reject, 2 force), then as varints From, To, Term, Index,
/// LogTerm, Commit, RejectHint, Context and the number of entries; each entry as the difference of its term and index to
/// those before it (the first to LogTerm and Index, modulo 2^64), kind, length, payload. Safe for use by several threads.
/// </summary>
public static class RaftMessageCodec
{
    const byte Version = 1;
    const byte RejectFlag = 1;
    const byte ForceFlag = 2;
    const int EntryBytesMin = 4;

    /// <summary>Appends a message to <paramref name="into"/>.</summary>
    public static void Encode(RaftMessage message, IBufferWriter<byte> into)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(into);
        var writer = new VarintWriter(into);
        writer.Byte(Version);
        writer.Byte((byte)message.Kind);
        writer.Byte((byte)((message.Reject ? RejectFlag : 0) | (message.Force ? ForceFlag : 0)));
        writer.Number(message.From.Value);
        writer.Number(message.To.Value);
        writer.Number(message.Term.Value);
        writer.Number(message.Index.Value);
        writer.Number(message.LogTerm.Value);
        writer.Number(message.Commit.Value);
        writer.Number(message.RejectHint.Value);
        writer.Number(message.Context);
        writer.Number((ulong)message.Entries.Count);
        var (term, index) = (message.LogTerm.Value, message.Index.Value);
        for (var i = 0; i < message.Entries.Count; i++)
        {
            var entry = message.Entries[i];
            writer.Number(unchecked(entry.Term.Value - term));
            writer.Number(unchecked(entry.Index.Value - index));
            writer.Byte((byte)entry.Kind);
            writer.Number((ulong)entry.Payload.Length);
            writer.Bytes(entry.Payload.Span);
            (term, index) = (entry.Term.Value, entry.Index.Value);
        }
    }

    /// <summary>
    /// Reads one message that fills <paramref name="bytes"/>; payloads are slices of them. False if they are no message of a
    /// known version; it never throws.
    /// </summary>
    public static bool TryDecode(ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out RaftMessage? message)
    {
        var reader = new VarintReader(bytes.Span);
        message = null;
        var version = reader.Byte();
        var kind = (RaftMessageKind)reader.Byte();
        var flags = reader.Byte();
        if (
            version != Version
            || kind is < RaftMessageKind.Append or > RaftMessageKind.TransferRequest
            || flags > (RejectFlag | ForceFlag)
        )
        {
            return false;
        }

        var from = new MemberId(reader.Number());
        var to = new MemberId(reader.Number());
        var term = new Term(reader.Number());
        var index = new LogIndex(reader.Number());
        var logTerm = new Term(reader.Number());
        var commit = new LogIndex(reader.Number());
        var hint = new LogIndex(reader.Number());
        var context = reader.Number();
        var entries = Entries(ref reader, bytes, logTerm.Value, index.Value);
        if (!reader.IsComplete)
        {
            return false;
        }

        message = new RaftMessage
        {
            Kind = kind,
            From = from,
            To = to,
            Term = term,
            Index = index,
            LogTerm = logTerm,
            Commit = commit,
            Entries = entries,
            Reject = (flags & RejectFlag) != 0,
            RejectHint = hint,
            Force = (flags & ForceFlag) != 0,
            Context = context,
        };
        return true;
    }

    static LogEntry[] Entries(ref VarintReader reader, ReadOnlyMemory<byte> bytes, ulong term, ulong index)
    {
        var count = reader.Count(EntryBytesMin);
        if (count == 0)
        {
            return [];
        }

        var entries = new LogEntry[count];
        for (var i = 0; i < count && !reader.HasFailed; i++)
        {
            term = unchecked(term + reader.Number());
            index = unchecked(index + reader.Number());
            var kind = (EntryKind)reader.Byte();
            var length = reader.Count(bytesMin: 1);
            if (kind > EntryKind.Configuration || reader.HasFailed)
            {
                // What is left does not add up to a message any more.
                reader.Fail();
                return [];
            }

            var payload = bytes.Slice(reader.Skip(length), length);
            entries[i] = new LogEntry(new Term(term), new LogIndex(index), kind, payload);
        }

        return entries;
    }
}
