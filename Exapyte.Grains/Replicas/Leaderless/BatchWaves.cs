using Exapyte.Grains.Replicas.Commands;
using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>Operations of a batch that may run side by side, by their positions.</summary>
/// <param name="Reads">The reads.</param>
/// <param name="Writes">The writes.</param>
internal readonly record struct BatchWave(List<int> Reads, List<int> Writes);

/// <summary>
/// Cuts a batch into waves, one to run after the other, so that an operation sees what stands before it in the batch and
/// nothing behind it. Reads of a key may run side by side. A write of a key runs alone: one that is stamped anew while it is
/// under way must not win over a later one of the batch. Pure.
/// </summary>
internal static class BatchWaves
{
    /// <summary>The waves of those operations that have no outcome yet.</summary>
    public static List<BatchWave> Of(Operation[] operations, OperationOutcome?[] outcomes)
    {
        List<BatchWave> waves = [];
        var last =
            operations.Length > 1
                ? new Dictionary<ReadOnlyMemory<byte>, (int Wave, bool IsWrite)>(KeyBytesComparer.Instance)
                : null;
        for (var i = 0; i < operations.Length; i++)
        {
            if (outcomes[i] is not null)
            {
                continue;
            }
            var operation = operations[i];
            var wave = 0;
            if (last is not null)
            {
                if (last.TryGetValue(operation.Key, out var before))
                {
                    wave = before.IsWrite || operation.IsWrite ? before.Wave + 1 : before.Wave;
                }
                last[operation.Key] = (wave, operation.IsWrite);
            }
            if (wave == waves.Count)
            {
                waves.Add(new([], []));
            }
            (operation.IsWrite ? waves[wave].Writes : waves[wave].Reads).Add(i);
        }
        return waves;
    }
}
