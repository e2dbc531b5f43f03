using Exapyte.Raft;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Invariants;
using Exapyte.Simulation.Planted;

namespace Exapyte.Simulation.Runs;

/// <summary>How a run ended.</summary>
/// <param name="Seed">What it follows from.</param>
/// <param name="Steps">Events, those of the healing included.</param>
/// <param name="TraceHash">The same for every run of the seed.</param>
/// <param name="Tally">What happened how often.</param>
/// <param name="Violation">What broke; null if nothing did.</param>
/// <param name="UndecidedKeys">Keys whose histories the checker gave up on.</param>
internal sealed record RunResult(
    ulong Seed,
    long Steps,
    ulong TraceHash,
    Tally Tally,
    string? Violation,
    int UndecidedKeys
);

/// <summary>
/// One run of one seed: chaos for so many steps, then everything is healed and the group must make progress and agree, and
/// what callers saw must have an explanation.
/// </summary>
internal static class Run
{
    private const int HealStepsMax = 120_000;
    private const int WritesAfterHealing = 8;

    public static RunResult Of(ulong seed, int steps, Flaw? flaw = null, TextWriter? text = null)
    {
        World? world = null;
        string? violation = null;
        var undecided = 0;
        try
        {
            world = new(seed, flaw ?? Flaw.None, text);
            for (var i = 0; i < steps; i++)
            {
                world.Step();
            }
            Heal(world);
            foreach (var group in world.Groups)
            {
                group.Callers.LeaveOpen();
                var fault = group.Callers.Seen.FindFault(out var gaveUp);
                undecided += gaveUp;
                History.Require(fault is null, "linearizability", fault ?? "");
            }
        }
        catch (ViolationException broken)
        {
            violation = broken.Message;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // Whatever else comes up through here has ended a node or the whole run: that is no less a fault.
            violation = $"exception: {failure}";
        }
        if (world is null)
        {
            return new(seed, 0, 0, new(), violation ?? "It did not begin.", 0);
        }
        foreach (var group in world.Groups)
        {
            Count(group.History, world.Tally);
            world.Trace.Mix(group.History.CommittedThrough);
        }
        foreach (var node in world.Nodes.Where(node => node.IsUp))
        {
            node.CountLog();
        }
        return new(seed, world.Steps, world.Trace.Hash, world.Tally, violation, undecided);
    }

    private static void Count(History history, Tally tally)
    {
        tally[Happening.RequestIdRecalls] += history.Oracle.Recalls;
        tally[Happening.RequestIdEvictions] += history.Oracle.Evictions;
        tally[Happening.ChangesTrimmed] += history.Oracle.Trims;
        tally[Happening.ConfigurationChanges] += history.ConfigurationChanges;
        tally[Happening.JointConfigurations] += history.JointConfigurations;
    }

    private static void Heal(World world)
    {
        world.Heal();
        var acknowledged = world.Groups.ConvertAll(group => group.Callers.Acknowledged);
        foreach (var group in world.Groups)
        {
            foreach (var replica in group.Running())
            {
                replica.ProvenReads = 0;
            }
        }
        // Each for itself: a leader that is lost once more in one of them is no fault of the others.
        var ailing = world.Groups.ToList();
        for (var i = 0; i < HealStepsMax; i++)
        {
            world.Step();
            if (i % 64 == 0)
            {
                ailing.RemoveAll(group => IsWell(group, acknowledged[group.Number]));
            }
            if (ailing.Count == 0)
            {
                return;
            }
        }
        throw new ViolationException("no-progress", string.Join(" | ", ailing.Select(Describe)));
    }

    /// <summary>Writes are acknowledged again, nothing is to be mended, and all members agree.</summary>
    private static bool IsWell(SimulatedGroup group, long acknowledgedBefore) =>
        group.Callers.Acknowledged >= acknowledgedBefore + WritesAfterHealing
        && group.Operator.IsDone
        && IsConverged(group);

    /// <summary>All members run, follow one leader (the one that the map prefers), have applied all that it has and answer reads.</summary>
    private static bool IsConverged(SimulatedGroup group)
    {
        if (group.Leader() is not { } leader)
        {
            return false;
        }
        foreach (var member in leader.Core.Configuration.Members)
        {
            if (
                group.PlaceOf(member) is not { IsUp: true } node
                || !node.Replicas.TryGetValue(member.Value, out var replica)
                || replica.Core.Term != leader.Core.Term
                || replica.Shard.AppliedIndex < leader.Core.CommitIndex.Value
                || replica.Problem.Length > 0
                || replica.ProvenReads == 0
                || (group.IsMapped && leader.Id != group.Wanted[0])
            )
            {
                return false;
            }
        }
        return true;
    }

    private static string Describe(SimulatedGroup group) =>
        $"after the healing {group.Callers.Acknowledged} writes in all, operator done: {group.Operator.IsDone}, "
        + $"wanted ({string.Join(' ', group.Wanted)}), converged: {IsConverged(group)}, "
        + $"committed {group.History.CommittedThrough} in {group.History.Configuration}; "
        + string.Join(
            "; ",
            group
                .Running()
                .Select(replica =>
                    $"n{replica.Node.Index}/{replica.Id} {replica.Core.Role} {replica.Core.Term} leader {replica.Core.Leader} "
                    + $"last {replica.Core.LastIndex} durable {replica.Core.DurableIndex} commit {replica.Core.CommitIndex} "
                    + $"applied {replica.Core.AppliedIndex} in {replica.Core.Configuration} asleep {replica.View.IsAsleep} reads {replica.ProvenReads} stuck {replica.View.IsStuck} "
                    + $"log {replica.Node.Log.Health} queued {replica.Node.Log.Statistics.Queued} problem '{replica.Problem}'"
                )
        );
}
