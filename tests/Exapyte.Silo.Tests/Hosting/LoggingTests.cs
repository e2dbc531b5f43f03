using Exapyte.Gateway.Hosting;
using Exapyte.Silo.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Exapyte.Silo.Tests.Hosting;

public sealed class LoggingTests
{
    private const string OurCategory = "Exapyte.Hosting.Clustering.NodeWatch";
    private const string FrameworkCategory = "Orleans.Runtime.Silo";
    private const string NoisyCategory = "Orleans.Runtime.Messaging.ConnectionManager";

    [Theory]
    [InlineData(LogLevel.Debug, LogLevel.Debug, LogLevel.Warning, LogLevel.Error)]
    [InlineData(LogLevel.Information, LogLevel.Information, LogLevel.Warning, LogLevel.Error)]
    [InlineData(LogLevel.Error, LogLevel.Error, LogLevel.Error, LogLevel.Error)]
    [InlineData(LogLevel.Critical, LogLevel.Critical, LogLevel.Critical, LogLevel.Critical)]
    public void Our_lines_follow_the_chosen_level_and_the_frameworks_stay_quieter(
        LogLevel chosen,
        LogLevel ours,
        LogLevel framework,
        LogLevel noisy
    )
    {
        using ServiceProvider services = Services(chosen);

        Assert.Equal(ours, LowestOf(services, OurCategory));
        Assert.Equal(framework, LowestOf(services, FrameworkCategory));
        Assert.Equal(noisy, LowestOf(services, NoisyCategory));
    }

    [Fact]
    public void None_is_silence()
    {
        using ServiceProvider services = Services(LogLevel.None);

        Assert.Equal(LogLevel.None, LowestOf(services, OurCategory));
        Assert.Equal(LogLevel.None, LowestOf(services, NoisyCategory));
    }

    [Fact]
    public void The_configuration_opens_any_category()
    {
        using ServiceProvider services = Services(
            LogLevel.Information,
            ("Logging:LogLevel:Orleans.Runtime.Messaging", "Debug")
        );

        Assert.Equal(LogLevel.Debug, LowestOf(services, NoisyCategory));
        Assert.Equal(LogLevel.Warning, LowestOf(services, FrameworkCategory));
    }

    [Fact]
    public void Until_a_start_is_over_a_refusal_is_not_told_by_every_layer_that_it_passes()
    {
        StartPhase start = new(e => e is UnauthorizedAccessException);
        AggregateException refused = new(
            new InvalidOperationException("outer", new UnauthorizedAccessException("refused"))
        );

        Assert.True(start.IsRefusedBy(refused));
        Assert.False(start.IsRefusedBy(new InvalidOperationException("another")));
        Assert.True(Logging.IsFramework(FrameworkCategory));
        Assert.False(Logging.IsFramework(OurCategory));
        Assert.True(start.IsRefused);
        StartPhase over = new(_ => true);
        over.End();
        Assert.False(over.IsRefusedBy(refused));
        Assert.False(over.IsRefused);
    }

    private static ServiceProvider Services(LogLevel level, params (string Key, string Value)[] given)
    {
        IConfiguration configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(given.Select(g => KeyValuePair.Create(g.Key, (string?)g.Value)))
            .Build();
        return new ServiceCollection()
            .AddLogging(logging => Logging.Configure(logging, configuration, level, new StartPhase(_ => false)))
            .BuildServiceProvider();
    }

    private static LogLevel LowestOf(ServiceProvider services, string category)
    {
        ILogger logger = services.GetRequiredService<ILoggerFactory>().CreateLogger(category);
        return Enum.GetValues<LogLevel>().First(level => level == LogLevel.None || logger.IsEnabled(level));
    }
}
