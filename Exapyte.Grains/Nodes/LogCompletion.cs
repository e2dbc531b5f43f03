using Exapyte.Grains.Replicas;
using Exapyte.Storage.Log;

namespace Exapyte.Grains.Nodes;

/// <summary>Turns the end of a log operation into a task; a failure is a <see cref="ReplicaFailedException"/>.</summary>
internal sealed class LogCompletion(string what) : ILogCompletion
{
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>How it ended, once it has.</summary>
    public LogAppendStatus Status { get; private set; }

    /// <summary>Ends when the operation is durable.</summary>
    public Task Task => ended.Task;

    /// <inheritdoc/>
    public void Complete(LogAppendResult result)
    {
        Status = result.Status;
        if (result.IsOk)
        {
            ended.TrySetResult();
        }
        else
        {
            ended.TrySetException(new ReplicaFailedException($"{what} was not made durable: {result.Reason}"));
        }
    }
}
