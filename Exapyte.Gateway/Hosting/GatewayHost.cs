using Exapyte.Client;
using Exapyte.Security;

namespace Exapyte.Gateway.Hosting;

/// <summary>
/// The life of a gateway of its own, in order: its port is tried, it connects to the cluster, it serves, drains and ends.
/// </summary>
internal sealed class GatewayHost(GatewaySettings settings, IConfiguration configuration, TextWriter output)
{
    private readonly StartPhase start = new(failure =>
        settings.LogLevel > LogLevel.Debug && RefusalOf(failure, failure) is not null
    );

    /// <summary>Runs it until it is asked to stop.</summary>
    /// <returns>Nothing when it stopped in order, else every reason why not.</returns>
    public async Task<IReadOnlyList<Refusal>> RunAsync()
    {
        List<Refusal> refusals = [];
        var port = ListenPort.Try(Setting.Http, settings.Http.Address, settings.Http.Port, refusals);
        if (refusals.Count > 0)
        {
            return refusals;
        }
        var http = settings.Http with { Port = port };
        WebApplication app;
        try
        {
            app = Build(http);
        }
        catch (CertificateException failure)
        {
            return [ReasonOf(failure)];
        }
        return await new HostRun(start, ReasonOf).RunAsync(app, () => TellReady(http)) is { } ended ? [ended] : [];
    }

    private WebApplication Build(HttpAddress http)
    {
        var secured = SecuredConnections.Load(settings.Security);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration.AddConfiguration(configuration);
        Logging.Configure(builder.Logging, configuration, settings.LogLevel, start);
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel => HttpServer.Configure(kestrel, http, secured.Http));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = HostRun.DrainTimeout);
        builder.Services.Configure<ExapyteGatewayOptions>(Configure);
        builder.Services.AddExapyteClient(
            settings.Endpoints,
            client =>
            {
                client.Region = settings.Region;
                if (secured.Cluster is { } tls)
                {
                    client.ConfigureOrleans = orleans => orleans.UseTls(tls.Configure);
                }
            }
        );
        builder.Services.AddSingleton<SigningKey>();
        builder.Services.AddHostedService(services => services.GetRequiredService<SigningKey>());
        builder
            .Services.AddOptions<ExapyteGatewayOptions>()
            .Configure<SigningKey>((gateway, signing) => gateway.CursorKeySource = () => signing.Key);
        if (settings.Security.AsksForKeys)
        {
            builder.Services.AddSingleton<KnownKeys>();
            builder.Services.AddHostedService<KeyRefresh>();
        }
        builder.Services.AddExapyteMetrics("exapyte-gateway", $"{http.ToUri()}");
        var app = builder.Build();
        secured.LogTo(app.Services.GetRequiredService<ILoggerFactory>());
        app.MapExapyteWithMetrics();
        return app;
    }

    private void Configure(ExapyteGatewayOptions gateway)
    {
        gateway.RequestsMax = settings.RequestsMax;
        gateway.ChangesHeartbeat = settings.ChangesHeartbeat;
        if (settings.Security.AsksForKeys)
        {
            gateway.Authentication = GatewayAuthentication.Keys;
            gateway.Jwt = settings.Security.Jwt;
        }
    }

    private void TellReady(HttpAddress http)
    {
        output.WriteLine(
            $"""
            Exapyte {ProcessVersion.Text}, a gateway of its own
              cluster  {settings.Endpoints}
              http     {http.ToUri().GetLeftPart(UriPartial.Authority)}
            Ready.
            """
        );
        output.Flush();
    }

    private Refusal ReasonOf(Exception failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (RefusalOf(cause, failure) is { } refusal)
            {
                return refusal;
            }
        }
        var detail = settings.LogLevel <= LogLevel.Debug ? failure.ToString() : HostRun.FirstLine(failure);
        return new(ExitCode.Failed, $"{failure.GetType().Name}: {detail}");
    }

    private static Refusal? RefusalOf(Exception cause, Exception failure) =>
        cause is ExapyteConnectException ? new(ExitCode.Cluster, cause.Message) : HostRun.RefusalOf(cause, failure);
}
