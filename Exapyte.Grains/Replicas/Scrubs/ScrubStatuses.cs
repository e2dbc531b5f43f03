using Exapyte.Topology;

namespace Exapyte.Grains.Replicas.Scrubs;

/// <summary>How scrubs are told to people.</summary>
internal static class ScrubStatuses
{
    public static string ToName(this ScrubOutcome outcome) =>
        outcome switch
        {
            ScrubOutcome.Running => "running",
            ScrubOutcome.Agrees => "agrees",
            ScrubOutcome.Damaged => "damaged",
            ScrubOutcome.NoMajority => "no-majority",
            ScrubOutcome.Incomplete => "incomplete",
            ScrubOutcome.Skipped => "skipped",
            _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "This outcome has no name."),
        };

    public static ScrubStatus Of(ScrubKey key, long stampMs, ScrubOutcome outcome) =>
        new()
        {
            Index = key.Index,
            AtMs = stampMs,
            Outcome = outcome.ToName(),
        };
}
