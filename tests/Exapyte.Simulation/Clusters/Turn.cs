namespace Exapyte.Simulation.Clusters;

/// <summary>
/// Runs asynchronous calls in the one thread of a run: what waits goes on when <see cref="Run"/> is called, in the order in
/// which it became ready, and never anywhere else.
/// </summary>
internal sealed class Turn : SynchronizationContext
{
    private readonly Queue<(SendOrPostCallback Callback, object? State)> ready = new();

    public override void Post(SendOrPostCallback d, object? state) => ready.Enqueue((d, state));

    public override void Send(SendOrPostCallback d, object? state) =>
        throw new NotSupportedException("Nobody waits for another in a run.");

    /// <summary>Begins a call, which goes on until it has to wait.</summary>
    public void Begin(Action call)
    {
        var outer = Current;
        SetSynchronizationContext(this);
        try
        {
            call();
        }
        finally
        {
            SetSynchronizationContext(outer);
        }
    }

    /// <summary>Lets all go on that can.</summary>
    public void Run() =>
        Begin(() =>
        {
            while (ready.TryDequeue(out var next))
            {
                next.Callback(next.State);
            }
        });
}
