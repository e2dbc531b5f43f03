using System.Data.Common;
using System.Net.Sockets;
using Exapyte.Hosting.Clustering;
using Exapyte.Silo.Security;
using Exapyte.Silo.Settings;
using Exapyte.Storage.Node;

namespace Exapyte.Silo.Hosting;

/// <summary>
/// The life of the process, in order: the data folder is locked, the ports are tried, the database is set up, the host
/// starts (silo first, gateway last), runs, drains and ends. Each step before the host ends in a <see cref="Refusal"/>.
/// </summary>
internal sealed class NodeHost(SiloSettings settings, IConfiguration configuration, TextWriter output, TextWriter error)
{
    /// <summary>Requests and grains get this long to finish before they are cut off.</summary>
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(8);

    /// <summary>Beyond the drain: Orleans waits a minute for a membership table that does not answer.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(12);

    private static readonly TimeSpan DisposeTimeout = TimeSpan.FromSeconds(3);

    private readonly StartPhase start = new(e =>
        settings.LogLevel > LogLevel.Debug && (IsPortTaken(e) || Composition.RefusalOf(e, settings) is not null)
    );

    /// <summary>Runs the node until it is asked to stop.</summary>
    /// <returns>Nothing when it stopped in order, else every reason why not.</returns>
    public async Task<IReadOnlyList<Refusal>> RunAsync()
    {
        DataFolder dataFolder;
        try
        {
            dataFolder = Composition.OpenDataFolder(settings);
        }
        catch (Exception e) when (FolderRefusalOf(e) is { } refusal)
        {
            return [refusal];
        }

        using (dataFolder)
        {
            (SiloSettings claimed, IReadOnlyList<Refusal> refusals) = Ports.Claim(settings);
            if (refusals.Count > 0)
                return refusals;

            await using ClusterDatabase control =
                claimed.Cluster ?? SqliteDatabase.Open(Path.Combine(claimed.DataFolder, "control.db"));
            if (await SetUpAsync(control, claimed) is { } refusal)
                return [refusal];
            return await RunHostAsync(claimed, control, dataFolder) is { } failure ? [failure] : [];
        }
    }

    private Refusal? FolderRefusalOf(Exception e) =>
        Composition.RefusalOf(e, settings)
        ?? (
            e is IOException or UnauthorizedAccessException
                ? new Refusal(ExitCode.DataFolder, $"--data: {FirstLine(e)}")
                : null
        );

    private static async Task<Refusal?> SetUpAsync(ClusterDatabase control, SiloSettings settings)
    {
        try
        {
            await Scripts.ApplyAsync(control, isAlone: settings.Cluster is null, CancellationToken.None);
            return null;
        }
        catch (Exception e) when (e is DbException or IOException or UnauthorizedAccessException or SocketException)
        {
            return new(ExitCode.Database, $"{control.DisplayName} cannot be used: {FirstLine(e)}");
        }
    }

    private WebApplication Build(SiloSettings claimed, ClusterDatabase control, DataFolder dataFolder)
    {
        SecuredConnections secured = SecuredConnections.Load(claimed.Security);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration.AddConfiguration(configuration);
        Logging.Configure(builder.Logging, configuration, claimed.LogLevel, start);
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel => HttpServer.Configure(kestrel, claimed.Http, secured.Http));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(dataFolder);
        builder.Services.AddSingleton(control);
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = DrainTimeout);
        builder.UseOrleans(silo =>
        {
            silo.AddExapyte(Composition.OptionsOf(claimed));
            secured.Secure(silo);
        });
        builder.Services.AddSingleton<IFatalErrorHandler>(new RejoiningProcess(claimed.Rejoins, error));
        Composition.LimitRequests(builder.Services, claimed);
        Composition.AskForKeys(builder.Services, claimed);
        Composition.AddMetrics(builder.Services, claimed);
        WebApplication app = builder.Build();
        secured.LogTo(app.Services.GetRequiredService<ILoggerFactory>());
        Composition.MapGateway(app);
        return app;
    }

    private async Task<Refusal?> RunHostAsync(SiloSettings claimed, ClusterDatabase control, DataFolder dataFolder)
    {
        WebApplication app;
        try
        {
            app = Build(claimed, control, dataFolder);
        }
        catch (Exception e)
        {
            return ReasonOf(e);
        }
        return await RunHostAsync(app, claimed);
    }

    private async Task<Refusal?> RunHostAsync(WebApplication app, SiloSettings claimed)
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
                Banner.Write(output, claimed);
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
            return new(false, ReasonOf(e));
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

    /// <remarks>What nobody foresaw is told with its trace where the log level asks for detail.</remarks>
    private Refusal ReasonOf(Exception failure)
    {
        for (Exception? e = failure; e is not null; e = e.InnerException)
        {
            if (Composition.RefusalOf(e, settings) is { } refusal)
                return refusal;
            if (IsPortTaken(e))
                return new(ExitCode.Port, FirstLine(failure));
            if (e is CertificateException)
                return new(ExitCode.Settings, FirstLine(e));
            if (e is DbException)
                return new(ExitCode.Database, FirstLine(e));
        }
        string detail = settings.LogLevel <= LogLevel.Debug ? failure.ToString() : FirstLine(failure);
        return new(ExitCode.Failed, $"{failure.GetType().Name}: {detail}");
    }

    private static bool IsPortTaken(Exception e) =>
        e is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse };

    private static string FirstLine(Exception e) => e.Message.Split('\n', 2)[0].TrimEnd();
}
