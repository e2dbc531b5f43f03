using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Clusters;

/// <summary>How a node writes its log: what waits goes out as batches, and is heard of in the order in which it was written.</summary>
internal sealed partial class SimulatedNode
{
    private readonly Queue<Action> unheard = new();
    private bool isLogDue;
    private bool isBatchShared;
    private bool isStepping;
    private ulong lastInLog;
    private long heardAtUs;

    public void LogHasWork(bool mustSync)
    {
        if (!isLogDue)
        {
            isLogDue = true;
            world.Add(mustSync ? DiskDelayUs() : 20_000, EventKind.WriteLog, this, null);
        }
    }

    public void WriteLog()
    {
        isLogDue = false;
        world.Tally[Happening.SharedBatches] += isBatchShared ? 1 : 0;
        isBatchShared = false;
        lastInLog = 0;
        var batches = Log.Statistics.Batches;
        // The device takes its time: what is written is durable for a while before anybody knows.
        var isQuick = WeatherDiskUs < 1_000_000 && world.Chance.OneIn(2);
        var answerUs = isQuick ? 0 : world.Chance.Between(0L, WeatherDiskUs);
        heardAtUs = Math.Max(heardAtUs, world.Queue.NowUs + answerUs);
        isStepping = true;
        try
        {
            Log.Step();
        }
        finally
        {
            isStepping = false;
        }
        world.Tally[Happening.LogBatchFull] += Log.Statistics.Batches > batches + 1 ? 1 : 0;
        WatchLog();
    }

    /// <summary>The log has ended an operation: its owner hears of it later, behind those that ended before.</summary>
    public void Answer(Action hear)
    {
        if (!isStepping || (unheard.Count == 0 && heardAtUs <= world.Queue.NowUs))
        {
            hear();
            return;
        }
        unheard.Enqueue(hear);
        world.Tally.Count(Happening.LateLogAnswers);
        world.Add(heardAtUs - world.Queue.NowUs, EventKind.HearLog, this, null);
    }

    /// <summary>The oldest answer of the log arrives.</summary>
    public void HearLog() => unheard.Dequeue()();

    /// <summary>A replica has something in the next batch.</summary>
    public void InNextBatch(GroupId replica)
    {
        isBatchShared |= lastInLog != 0 && lastInLog != replica.Value;
        lastInLog = replica.Value;
    }

    private void WatchLog()
    {
        if (Log.Health.Condition == LogCondition.Failed)
        {
            // Whoever watches over the process ends it and starts it again.
            world.Add(
                world.Chance.Between(0, 300_000),
                EventKind.EndFault,
                this,
                new Action(() => Crash(power: false))
            );
        }
    }
}
