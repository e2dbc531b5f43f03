using System.Net.Sockets;

namespace Exapyte.Gateway.Hosting;

/// <summary>The life of a process around its host: start, serve, drain, end; a refused start is one line.</summary>
/// <param name="start">Is over once the host serves.</param>
/// <param name="reasonOf">What an operator is told of a start that failed.</param>
internal sealed class HostRun(StartPhase start, Func<Exception, Refusal> reasonOf)
{
    /// <summary>Requests and grains get this long to finish before they are cut off.</summary>
    public static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(8);

    /// <summary>Beyond the drain: Orleans waits a minute for a membership table that does not answer.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(12);

    private static readonly TimeSpan DisposeTimeout = TimeSpan.FromSeconds(3);

    /// <summary>Starts the application, serves until it is asked to stop, and drains.</summary>
    /// <param name="app">Built; it is disposed of in the end.</param>
    /// <param name="tellReady">Called once it serves.</param>
    /// <returns>Nothing when it stopped in order, else why not.</returns>
    public async Task<Refusal?> RunAsync(WebApplication app, Action tellReady)
    {
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenRegistration _ = app.Lifetime.ApplicationStopping.Register(asked.SetResult);
        try
        {
            Start started = await StartAsync(app, asked.Task);
            if (!started.IsRunning)
                return started.Refusal;
            start.End();
            if (!asked.Task.IsCompleted)
                tellReady();
            await asked.Task;
            return await StopAsync(app);
        }
        finally
        {
            await Task.WhenAny(app.DisposeAsync().AsTask(), Task.Delay(DisposeTimeout));
        }
    }

    /// <summary>How a start ended. Not running and not refused: it was called off.</summary>
    private readonly record struct Start(bool IsRunning, Refusal? Refusal);

    /// <summary>Starts; once asked to stop it waits a bounded time only, since a join may take minutes.</summary>
    private async Task<Start> StartAsync(WebApplication app, Task asked)
    {
        Task starting = app.StartAsync();
        try
        {
            if (await Task.WhenAny(starting, asked) == asked)
                await starting.WaitAsync(StopTimeout);
            else
                await starting;
            return new(true, null);
        }
        catch (Exception e) when (asked.IsCompleted)
        {
            return new(false, e is TimeoutException ? Undrained : null);
        }
        catch (Exception e)
        {
            return new(false, reasonOf(e));
        }
    }

    private static async Task<Refusal?> StopAsync(WebApplication app)
    {
        try
        {
            await app.StopAsync().WaitAsync(StopTimeout);
            return null;
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            return Undrained;
        }
    }

    private static Refusal Undrained =>
        new(ExitCode.DrainTimeout, $"ended after {StopTimeout.TotalSeconds:F0} s without having drained");

    /// <summary>What an operator is told where a start failed for what every process has; null where it was something else.</summary>
    /// <param name="cause">One of the exceptions in the failure.</param>
    /// <param name="failure">All of it.</param>
    public static Refusal? RefusalOf(Exception cause, Exception failure) =>
        IsPortTaken(cause) ? new(ExitCode.Port, FirstLine(failure))
        : cause is CertificateException ? new(ExitCode.Settings, FirstLine(cause))
        : null;

    /// <summary>Whether a port is in use.</summary>
    public static bool IsPortTaken(Exception failure) =>
        failure is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse };

    /// <summary>The first line of its message.</summary>
    public static string FirstLine(Exception failure) => failure.Message.Split('\n', 2)[0].TrimEnd();
}
