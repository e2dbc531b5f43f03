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
    private const int HealStepsMax = 60_000;
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
            world.Clients.LeaveOpen();
            if (world.Clients.Seen.FindFault(out undecided) is { } fault)
            {
                throw new ViolationException("linearizability", fault);
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
        world.Tally[Happening.RequestIdRecalls] += world.History.Oracle.Recalls;
        world.Tally[Happening.RequestIdEvictions] += world.History.Oracle.Evictions;
        world.Tally[Happening.ConfigurationChanges] += world.History.ConfigurationChanges;
        world.Tally[Happening.JointConfigurations] += world.History.JointConfigurations;
        foreach (var node in world.Nodes)
        {
            world.Tally[Happening.SegmentsReleased] += node.Log.Statistics.SegmentsReleased;
        }
        world.Trace.Mix(world.History.CommittedThrough);
        return new(seed, world.Steps, world.Trace.Hash, world.Tally, violation, undecided);
    }

    private static void Heal(World world)
    {
        world.Heal();
        var acknowledged = world.Clients.Acknowledged;
        for (var i = 0; i < HealStepsMax; i++)
        {
            world.Step();
            if (
                i % 64 == 0
                && world.Clients.Acknowledged >= acknowledged + WritesAfterHealing
                && world.Operator.IsDone
                && IsConverged(world)
            )
            {
                return;
            }
        }
        throw new ViolationException("no-progress", Describe(world));
    }

    /// <summary>All members run, follow one leader and have applied all that it has.</summary>
    private static bool IsConverged(World world)
    {
        if (world.Leader() is not { } leader)
        {
            return false;
        }
        foreach (var member in leader.Core.Configuration.Members)
        {
            if (
                world.PlaceOf(member) is not { IsUp: true } node
                || !node.Replicas.TryGetValue(member.Value, out var replica)
                || replica.Core.Term != leader.Core.Term
                || replica.Shard.AppliedIndex < leader.Core.CommitIndex.Value
                || replica.Driver.Problem.Length > 0
            )
            {
                return false;
            }
        }
        return true;
    }

    private static string Describe(World world) =>
        $"after the healing {world.Clients.Acknowledged} writes in all, operator done: {world.Operator.IsDone}, "
        + $"committed {world.History.CommittedThrough} in {world.History.Configuration}; "
        + string.Join(
            "; ",
            world.Nodes.SelectMany(node =>
                node.Replicas.Values.Select(replica =>
                    $"n{node.Index}/{replica.Id} {replica.Core.Role} {replica.Core.Term} leader {replica.Core.Leader} "
                    + $"last {replica.Core.LastIndex} durable {replica.Core.DurableIndex} commit {replica.Core.CommitIndex} "
                    + $"applied {replica.Core.AppliedIndex} asleep {replica.Loop.IsAsleep} stuck {replica.Driver.IsStuck} log {node.Log.Health} queued {node.Log.Statistics.Queued} problem '{replica.Driver.Problem}'"
                )
            )
        );
}
