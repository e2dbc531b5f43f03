using System.Text;

namespace Exapyte.Raft.Tests.Storytelling;

/// <summary>How stories write things down.</summary>
static class StoryText
{
    public static string Of(RaftMessage message)
    {
        var text = new StringBuilder($"{message.From}->{message.To} {message.Kind} term={message.Term}");
        switch (message.Kind)
        {
            case RaftMessageKind.Append:
                text.Append($" behind={message.Index}/{message.LogTerm} commit={message.Commit} {Of(message.Entries)}");
                break;
            case RaftMessageKind.AppendResponse when message.Reject:
                text.Append($" no at={message.Index} hint={message.RejectHint}/{message.LogTerm}");
                break;
            case RaftMessageKind.AppendResponse:
                text.Append($" through={message.Index}");
                break;
            case RaftMessageKind.Heartbeat:
                text.Append($" beat={message.Context} commit={message.Commit}");
                break;
            case RaftMessageKind.HeartbeatResponse:
                text.Append($" beat={message.Context}");
                break;
            case RaftMessageKind.VoteRequest:
            case RaftMessageKind.PreVoteRequest:
                text.Append($" last={message.Index}/{message.LogTerm}{(message.Force ? " force" : "")}");
                break;
            case RaftMessageKind.VoteResponse:
            case RaftMessageKind.PreVoteResponse:
                text.Append(message.Reject ? $" no committed={message.Commit}/{message.LogTerm}" : " yes");
                break;
            case RaftMessageKind.ReadIndexResponse:
                text.Append(message.Reject ? " no" : $" index={message.Index}");
                break;
            case RaftMessageKind.TransferRequest:
                text.Append($" target={message.Context}");
                break;
        }

        return text.ToString();
    }

    public static string Of(IReadOnlyList<LogEntry> entries)
    {
        var words = new List<string>();
        foreach (var entry in entries)
        {
            words.Add($"{entry.Index}/{entry.Term}{Content(entry)}");
        }

        return $"[{string.Join(", ", words)}]";
    }

    public static string Of(LogWrite write)
    {
        var hardState = write.HardState is { } state
            ? $" term={state.Term} vote={state.Vote} commit={state.Commit}"
            : "";
        var entries = write.Entries.Count > 0 ? $" {Of(write.Entries)}" : "";
        return $"write #{write.WriteId}{hardState}{entries}{(write.MustSync ? "" : " (no sync)")}";
    }

    public static string Of(ReadResult read) =>
        read.IsReady
            ? $"read {read.ReadId} ready at {read.Index}"
            : $"read {read.ReadId} refused, leader={read.Leader}";

    public static string Of(ProposeResult result) =>
        result.Outcome switch
        {
            ProposeOutcome.Accepted => $"accepted at {result.FirstIndex}/{result.Term}",
            ProposeOutcome.NotLeader => $"not leader, leader={result.Leader}",
            _ =>
                $"{result.Outcome.ToString().ToLowerInvariant()}{(result.Refusal is null ? "" : ": " + result.Refusal)}",
        };

    public static string Of(FollowerProgress progress) =>
        $"{progress.Member} {progress.State} match={progress.Match} next={progress.Next}"
        + (progress.InflightMessages > 0 ? $" inflight={progress.InflightMessages}" : "")
        + (progress.IsActive ? "" : " inactive");

    static string Content(LogEntry entry) =>
        entry.Kind switch
        {
            EntryKind.Empty => "",
            EntryKind.Configuration when ConfigurationCodec.TryDecode(entry.Payload.Span, out var configuration) =>
                $" {configuration}",
            _ => entry.Payload.IsEmpty ? "" : $" {Encoding.UTF8.GetString(entry.Payload.Span)}",
        };
}
