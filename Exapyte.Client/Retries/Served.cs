using Exapyte.Client.Lanes;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>Tells what served an operation.</summary>
internal static class Served
{
    public static ServedBy By(ReplicaLane lane, Attempt attempt, ConsistencyLevel level) =>
        attempt.Reply is { } reply ? lane.ServedBy(level, reply) : ServedBy.Nothing;
}
