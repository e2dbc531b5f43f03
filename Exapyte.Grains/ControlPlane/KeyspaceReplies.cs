using Exapyte.Keyspaces;
using Exapyte.Wire;

namespace Exapyte.Grains.ControlPlane;

/// <summary>Answers to commands on a keyspace.</summary>
internal static class KeyspaceReplies
{
    public static KeyspaceReply Reply(KeyspaceOutcome outcome, KeyspaceMap map) =>
        new() { Outcome = outcome, Map = map };

    public static KeyspaceReply Reply(KeyspaceOutcome outcome, IEnumerable<string> reasons, KeyspaceMap? map = null) =>
        new()
        {
            Outcome = outcome,
            Map = map,
            Reasons = [.. reasons],
        };

    public static KeyspaceReply Unavailable(StateProblem problem) =>
        new()
        {
            Outcome = KeyspaceOutcome.Unavailable,
            Reasons = [problem.Reason],
            InDoubt = problem.InDoubt,
        };
}
