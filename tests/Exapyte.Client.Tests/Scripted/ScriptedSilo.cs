using Exapyte.Client.Tests.Scripted;
using Exapyte.Topology;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.TestingHost;

[assembly: AssemblyFixture(typeof(ScriptedSilo))]

namespace Exapyte.Client.Tests.Scripted;

/// <summary>One silo of real Orleans with the scripted grains, for all tests of this assembly.</summary>
public sealed class ScriptedSilo : IAsyncLifetime
{
    /// <summary>Nothing ends by its own deadline while a test runs, unless the test says so.</summary>
    private static readonly TimeSpan AttemptDeadlines = TimeSpan.FromMinutes(5);

    private readonly InProcessTestCluster cluster;

    public ScriptedSilo()
    {
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo(
            (_, silo) =>
            {
                silo.ConfigureLogging(logging => logging.SetMinimumLevel(LogLevel.Critical));
                silo.Configure<SiloMessagingOptions>(messaging => messaging.ResponseTimeout = AttemptDeadlines);
                // The product's own grains answer elsewhere: here the scripted ones do.
                silo.Services.Configure<GrainTypeOptions>(types =>
                    types.Classes.RemoveWhere(type => type.Assembly.GetName().Name == "Exapyte.Grains")
                );
            }
        );
        builder.ConfigureClient(client =>
            client
                .Configure<ClientMessagingOptions>(messaging => messaging.ResponseTimeout = AttemptDeadlines)
                .Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Critical))
        );
        cluster = builder.Build();
    }

    /// <summary>The silo's own factory: what a co-hosted gateway has.</summary>
    public IGrainFactory InsideGrains => cluster.GetSiloServiceProvider().GetRequiredService<IGrainFactory>();

    /// <summary>A client of the cluster: what an application elsewhere has.</summary>
    public IClusterClient OutsideGrains => cluster.Client;

    public async ValueTask InitializeAsync() => await cluster.DeployAsync();

    public async ValueTask DisposeAsync() => await cluster.DisposeAsync();

    /// <summary>Settings by which nothing ends by its own deadline while a test runs.</summary>
    internal static ExapyteClientOptions Patient(Action<ExapyteClientOptions>? configure = null)
    {
        var options = new ExapyteClientOptions
        {
            AttemptTimeout = AttemptDeadlines,
            OperationTimeout = AttemptDeadlines,
        };
        configure?.Invoke(options);
        return options;
    }

    /// <summary>The data plane as a co-hosted gateway has it.</summary>
    internal ExapyteClient Client(Action<ExapyteClientOptions>? configure = null) =>
        new(InsideGrains, insideSilo: true, Patient(configure), TimeProvider.System, meters: null);

    /// <summary>A keyspace through <see cref="Client"/>.</summary>
    internal OpenedKeyspace Open(ScriptedKeyspace keyspace, Action<ExapyteClientOptions>? configure = null) =>
        new(Client(configure), keyspace.Name);

    /// <summary>A keyspace through a client whose time the test moves.</summary>
    internal OpenedKeyspace Open(
        ScriptedKeyspace keyspace,
        StoppedTime time,
        Action<ExapyteClientOptions>? configure = null
    ) => new(new(InsideGrains, insideSilo: true, Patient(configure), time.Provider, time), keyspace.Name, time);

    /// <summary>The same in a process whose node brings word of new leaders.</summary>
    internal OpenedKeyspace Open(ScriptedKeyspace keyspace, NodeNews news, ExapyteClientOptions? options = null) =>
        new(
            new(InsideGrains, insideSilo: true, options ?? Patient(), TimeProvider.System, meters: null, news),
            keyspace.Name
        );

    /// <summary>A keyspace by its name only.</summary>
    internal OpenedKeyspace Open(string keyspace) => new(Client(), keyspace);

    /// <summary>A keyspace as an application elsewhere has it.</summary>
    internal OpenedKeyspace OpenOutside(ScriptedKeyspace keyspace) =>
        new(new(OutsideGrains, insideSilo: false, Patient(), TimeProvider.System, meters: null), keyspace.Name);
}
