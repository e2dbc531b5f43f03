using Exapyte.Client.Tests.Scripted;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Exapyte.Client.Tests;

public sealed class HostingTests(ScriptedSilo silo)
{
    [Fact]
    [Trait("Scenario", "client_initialization")]
    public async Task Bad_settings_stop_the_start_with_every_reason()
    {
        var host = Host.CreateApplicationBuilder();
        host.Services.AddSingleton(silo.InsideGrains);
        host.Services.AddExapyteClient(options =>
        {
            options.OperationTimeout = TimeSpan.Zero;
            options.AttemptTimeout = TimeSpan.FromHours(1);
            options.QueuedOperationsMax = 0;
            options.InflightBatchesMax = 65;
            options.BatchOperationsMax = -1;
            options.RetryPauseMin = TimeSpan.FromSeconds(5);
            options.RetryPauseMax = TimeSpan.FromSeconds(1);
            options.LocalNode = "Not A Node";
        });
        using var built = host.Build();

        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() =>
            built.StartAsync(TestContext.Current.CancellationToken)
        );

        Assert.Equal(7, failure.Failures.Count());
    }

    [Fact]
    [Trait("Scenario", "client_initialization")]
    public async Task The_client_is_one_a_process_and_works_over_the_factory_that_is_there()
    {
        var keyspace = new ScriptedKeyspace();
        var services = new ServiceCollection();
        services.AddSingleton<IGrainFactory>(silo.OutsideGrains);
        services.AddExapyteClient();
        services.AddExapyteClient(options =>
        {
            options.Region = "eu";
            options.AttemptTimeout = options.OperationTimeout = TimeSpan.FromMinutes(5);
        });
        await using var provider = services.BuildServiceProvider();
        var client = provider.GetRequiredService<IExapyteClient>();

        var result = await client.PutAsync(
            keyspace.Name,
            "a",
            "1",
            cancellationToken: TestContext.Current.CancellationToken
        );

        Assert.Equal(Operations.OutcomeKind.Ok, result.Outcome.Kind);
        Assert.Same(client, provider.GetRequiredService<IExapyteClient>());
        Assert.Single(provider.GetServices<IValidateOptions<ExapyteClientOptions>>());
    }
}
