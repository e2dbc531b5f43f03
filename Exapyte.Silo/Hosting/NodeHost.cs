using System.Data.Common;
using System.Net.Sockets;
using Exapyte.Gateway.Hosting;
using Exapyte.Hosting.Clustering;
using Exapyte.Silo.Settings;
using Exapyte.Storage.Node;

namespace Exapyte.Silo.Hosting;

/// <summary>
/// The life of the process, in order: the data folder is locked, the ports are tried, the database is set up, the host
/// starts (silo first, gateway last), runs, drains and ends. Each step before the host ends in a <see cref="Refusal"/>.
/// </summary>
internal sealed class NodeHost(SiloSettings settings, IConfiguration configuration, TextWriter output, TextWriter error)
{
    private readonly StartPhase start = new(e =>
        settings.LogLevel > LogLevel.Debug && (HostRun.IsPortTaken(e) || Composition.RefusalOf(e, settings) is not null)
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
                ? new Refusal(ExitCode.DataFolder, $"--data: {HostRun.FirstLine(e)}")
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
            return new(ExitCode.Database, $"{control.DisplayName} cannot be used: {HostRun.FirstLine(e)}");
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
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = HostRun.DrainTimeout);
        builder.UseOrleans(silo =>
        {
            silo.AddExapyte(Composition.OptionsOf(claimed));
            if (secured.Cluster is { } tls)
                silo.UseTls(tls.Configure);
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
        return await new HostRun(start, ReasonOf).RunAsync(app, () => Banner.Write(output, claimed));
    }

    /// <remarks>What nobody foresaw is told with its trace where the log level asks for detail.</remarks>
    private Refusal ReasonOf(Exception failure)
    {
        for (Exception? e = failure; e is not null; e = e.InnerException)
        {
            if (Composition.RefusalOf(e, settings) is { } refusal)
                return refusal;
            if (HostRun.RefusalOf(e, failure) is { } common)
                return common;
            if (e is DbException)
                return new(ExitCode.Database, HostRun.FirstLine(e));
        }
        string detail = settings.LogLevel <= LogLevel.Debug ? failure.ToString() : HostRun.FirstLine(failure);
        return new(ExitCode.Failed, $"{failure.GetType().Name}: {detail}");
    }
}
