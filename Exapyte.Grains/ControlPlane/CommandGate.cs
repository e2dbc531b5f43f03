namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// Lets the interleaving calls of a reentrant grain decide and store one after another, in the order they came. For the
/// grain's own scheduler only: it takes no lock.
/// </summary>
internal sealed class CommandGate
{
    private Task last = Task.CompletedTask;

    /// <summary>Waits for the turn; disposing what it returns ends it.</summary>
    public async ValueTask<Turn> Enter()
    {
        var turn = new Turn();
        var before = last;
        last = turn.Ended;
        await before;
        return turn;
    }

    /// <summary>A turn, until it is disposed.</summary>
    internal sealed class Turn : IDisposable
    {
        private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Completes when the turn is over.</summary>
        public Task Ended => ended.Task;

        /// <inheritdoc/>
        public void Dispose() => ended.TrySetResult();
    }
}
