using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using Exapyte.Client;
using Exapyte.Client.Administration;
using Exapyte.Client.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Exapyte.Gateway.Tests.Fixtures;

/// <summary>A gateway on real sockets: HTTP/1.1 on one port, HTTP/2 with prior knowledge on another.</summary>
internal sealed class GatewayFixture : IAsyncDisposable
{
    private readonly WebApplication app;

    private GatewayFixture(
        WebApplication app,
        InMemoryExapyteClient client,
        InMemoryKeys keys,
        InMemoryNodes nodes,
        InMemoryRebalances rebalances,
        FakeTimeProvider time,
        LogRecord log
    )
    {
        Keys = keys;
        Nodes = nodes;
        Rebalances = rebalances;
        this.app = app;
        Client = client;
        Time = time;
        Log = log;
        var addresses = app
            .Services.GetRequiredService<IServer>()
            .Features.Get<IServerAddressesFeature>()!
            .Addresses.Select(address => new Uri(address).Port)
            .ToArray();
        (Port, Http2Port) = (addresses[0], addresses[1]);
    }

    public InMemoryExapyteClient Client { get; }

    public InMemoryKeys Keys { get; }

    public InMemoryNodes Nodes { get; }

    public InMemoryRebalances Rebalances { get; }

    public required InMemoryShards Shards { get; init; }

    public FakeTimeProvider Time { get; }

    public LogRecord Log { get; }

    public int Port { get; }

    public int Http2Port { get; }

    /// <summary>Starts a gateway that is all its process serves, with an empty raft keyspace <c>k</c> of one shard.</summary>
    public static Task<GatewayFixture> StartAsync(Action<ExapyteGatewayOptions>? configure = null) =>
        StartAsync(configure, app => app.RunExapyte());

    /// <summary>Starts a gateway in an application.</summary>
    public static async Task<GatewayFixture> StartAsync(
        Action<ExapyteGatewayOptions>? configure,
        Action<WebApplication> map
    )
    {
        var time = new FakeTimeProvider(DateTimeOffset.FromUnixTimeMilliseconds(1_750_000_000_123));
        var client = new InMemoryExapyteClient(time);
        var keys = new InMemoryKeys();
        var nodes = new InMemoryNodes();
        var rebalances = new InMemoryRebalances();
        var shards = new InMemoryShards();
        var log = new LogRecord();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(log).SetMinimumLevel(LogLevel.Debug);
        builder.Services.AddSingleton<IExapyteClient>(client);
        var options = new ExapyteGatewayOptions();
        configure?.Invoke(options);
        if (options.Authentication == GatewayAuthentication.Keys)
        {
            // Keys expire and are counted by this clock.
            builder.Services.AddSingleton<TimeProvider>(time);
        }
        builder.Services.AddSingleton<IKeyAdministration>(keys);
        builder.Services.AddSingleton<INodeAdministration>(nodes);
        builder.Services.AddSingleton<IRebalanceAdministration>(rebalances);
        builder.Services.AddSingleton<IShardAdministration>(shards);
        builder.Services.AddSingleton(keys.Known);
        builder.Services.AddRouting();
        builder.Services.Configure<ExapyteGatewayOptions>(mapped => configure?.Invoke(mapped));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.LimitForExapyte();
            kestrel.ListenOnLoopbackOnly();
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        var built = builder.Build();
        map(built);
        await built.StartAsync();
        await client.PutKeyspaceAsync("k", new() { Shards = 1 });
        return new(built, client, keys, nodes, rebalances, time, log) { Shards = shards };
    }

    public Task<RawHttp> ConnectAsync() => RawHttp.ConnectAsync(Port);

    /// <summary>One request on a connection of its own.</summary>
    public async Task<RawAnswer> SendAsync(string method, string target, byte[]? body = null, params string[] headers)
    {
        using var connection = await ConnectAsync();
        return await connection.SendAsync(method, target, body, headers);
    }

    public Task<RawAnswer> GetAsync(string target, params string[] headers) => SendAsync("GET", target, null, headers);

    public Task<RawAnswer> PutAsync(string target, string body, params string[] headers) =>
        SendAsync("PUT", target, Encoding.UTF8.GetBytes(body), headers);

    public Task<RawAnswer> PostJsonAsync(string target, string json, params string[] headers) =>
        SendAsync("POST", target, Encoding.UTF8.GetBytes(json), ["Content-Type: application/json", .. headers]);

    public async ValueTask DisposeAsync() => await app.DisposeAsync();
}

/// <summary>Keeps what was logged.</summary>
internal sealed class LogRecord : ILoggerProvider, ILogger
{
    public ConcurrentQueue<(LogLevel Level, string Message)> Lines { get; } = new();

    public ConcurrentQueue<Exception> Exceptions { get; } = new();

    public int Errors => Lines.Count(line => line.Level >= LogLevel.Error);

    /// <summary>Waits until the line has been logged.</summary>
    /// <exception cref="TimeoutException">It has not; the message holds what was.</exception>
    public async Task WaitForAsync(string message)
    {
        var since = Stopwatch.GetTimestamp();
        while (!Lines.Any(line => line.Message == message))
        {
            if (Stopwatch.GetElapsedTime(since) > TimeSpan.FromMinutes(1))
            {
                throw new TimeoutException(string.Join('\n', Lines));
            }
            await Task.Delay(5);
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    )
    {
        Lines.Enqueue((logLevel, formatter(state, exception)));
        if (exception is not null)
        {
            Exceptions.Enqueue(exception);
        }
    }

    public void Dispose() { }
}
