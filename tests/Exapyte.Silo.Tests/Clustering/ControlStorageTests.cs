using System.Net;
using Exapyte.Gateway.Hosting;
using Exapyte.Hosting;
using Exapyte.Hosting.Clustering;
using Exapyte.Silo.Hosting;
using Exapyte.Storage.Files;
using Exapyte.Storage.Node;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Storage;
using Xunit;
using FreePorts = Exapyte.Testing.Processes.FreePorts;

namespace Exapyte.Silo.Tests.Clustering;

/// <summary>An embedded silo as the process builds it, for the storage that its grains get.</summary>
public sealed class EmbeddedSilo : IAsyncLifetime
{
    private readonly TemporaryFolder folder = new();
    private SqliteDatabase? database;
    private IHost? host;

    /// <summary>The provider that grains of control state name.</summary>
    public IGrainStorage Storage => host!.Services.GetRequiredKeyedService<IGrainStorage>("control");

    /// <summary>The database's file.</summary>
    public string File => folder.File("control.db");

    public async ValueTask InitializeAsync()
    {
        database = SqliteDatabase.Open(folder.File("control.db"));
        ExapyteOptions options = new()
        {
            Node = "n1",
            DataFolder = folder.File("data"),
            SiloPort = FreePorts.Next(),
            GatewayPort = FreePorts.Next(),
        };
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        Logging.Configure(builder.Logging, builder.Configuration, LogLevel.Warning, new StartPhase(_ => false));
        builder.Services.AddSingleton<ClusterDatabase>(database);
        builder.Services.AddSingleton(DataFolder.Open(options.DataFolder, options.Node, new PosixFiles()));
        builder.UseOrleans(silo => silo.UseExapyteClustering(options));
        host = builder.Build();
        await host.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await host!.StopAsync();
        host.Dispose();
        await database!.DisposeAsync();
        folder.Dispose();
    }
}

/// <summary>Orleans' AdoNet grain storage over our SQLite scripts.</summary>
public sealed class ControlStorageTests(EmbeddedSilo silo) : IClassFixture<EmbeddedSilo>
{
    private const string StateName = "state";

    private readonly IGrainStorage storage = silo.Storage;

    [Fact]
    public async Task A_state_never_written_does_not_exist()
    {
        GrainState<List<string>> state = await ReadAsync(NewGrain());

        Assert.False(state.RecordExists);
        Assert.Null(state.ETag);
    }

    public static TheoryData<GrainId> GrainIds { get; } =
    [
        GrainId.Create("test", "key"),
        GrainId.Create("test", "näme/with@odd 'signs'"),
        GrainId.Create(GrainType.Create("test"), GrainIdKeyExtensions.CreateIntegerKey(7)),
        GrainId.Create(GrainType.Create("test"), GrainIdKeyExtensions.CreateIntegerKey(7, "extension")),
        GrainId.Create(GrainType.Create("test"), GrainIdKeyExtensions.CreateGuidKey(new Guid(1, 2, 3, new byte[8]))),
    ];

    [Theory]
    [MemberData(nameof(GrainIds))]
    public async Task A_written_state_is_read_back_under_its_own_key(GrainId grain)
    {
        GrainState<List<string>> state = await ReadAsync(grain);
        state.State = [grain.ToString()];
        await storage.WriteStateAsync(StateName, grain, state);

        GrainState<List<string>> read = await ReadAsync(grain);

        Assert.True(read.RecordExists);
        Assert.Equal([grain.ToString()], read.State);
        Assert.Equal(state.ETag, read.ETag);
    }

    [Fact]
    public async Task Each_write_has_another_etag()
    {
        GrainId grain = NewGrain();
        GrainState<List<string>> state = await WriteAsync(grain, "first");
        string? first = state.ETag;

        await storage.WriteStateAsync(StateName, grain, state);

        Assert.NotEqual(first, state.ETag);
        Assert.Equal(state.ETag, (await ReadAsync(grain)).ETag);
    }

    [Fact]
    public async Task A_writer_that_read_before_another_wrote_is_refused()
    {
        GrainId grain = NewGrain();
        await WriteAsync(grain, "first");
        GrainState<List<string>> late = await ReadAsync(grain);
        await WriteAsync(grain, "second", await ReadAsync(grain));

        late.State = ["late"];
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync(StateName, grain, late));

        Assert.Equal(["second"], (await ReadAsync(grain)).State);
    }

    [Fact]
    public async Task A_first_write_is_refused_where_another_was_first()
    {
        GrainId grain = NewGrain();
        GrainState<List<string>> late = await ReadAsync(grain);
        await WriteAsync(grain, "first");

        late.State = ["late"];
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync(StateName, grain, late));

        Assert.Equal(["first"], (await ReadAsync(grain)).State);
    }

    [Fact]
    public async Task Of_first_writes_at_once_exactly_one_wins()
    {
        GrainId grain = NewGrain();

        bool[] won = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => TryWriteAsync(grain, $"{i}")));

        Assert.Single(won, w => w);
        Assert.Equal($"{Array.IndexOf(won, true)}", Assert.Single((await ReadAsync(grain)).State!));
    }

    [Fact]
    public async Task A_cleared_state_is_gone_and_its_etag_still_fences()
    {
        GrainId grain = NewGrain();
        GrainState<List<string>> state = await WriteAsync(grain, "first");
        GrainState<List<string>> late = await ReadAsync(grain);

        await storage.ClearStateAsync(StateName, grain, state);

        Assert.False((await ReadAsync(grain)).RecordExists);
        late.State = ["late"];
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync(StateName, grain, late));
        await WriteAsync(grain, "again", await ReadAsync(grain));
        Assert.Equal(["again"], (await ReadAsync(grain)).State);
    }

    [Fact]
    public async Task A_stale_clear_is_refused()
    {
        GrainId grain = NewGrain();
        await WriteAsync(grain, "first");
        GrainState<List<string>> late = await ReadAsync(grain);
        await WriteAsync(grain, "second", await ReadAsync(grain));

        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync(StateName, grain, late));

        Assert.Equal(["second"], (await ReadAsync(grain)).State);
    }

    [Fact]
    public async Task States_of_one_grain_under_two_names_are_two_states()
    {
        GrainId grain = NewGrain();
        await WriteAsync(grain, "first");

        GrainState<List<string>> other = new([]);
        await storage.ReadStateAsync("other", grain, other);

        Assert.False(other.RecordExists);
    }

    private static GrainId NewGrain() => GrainId.Create("test", Guid.NewGuid().ToString("N"));

    private async Task<GrainState<List<string>>> ReadAsync(GrainId grain)
    {
        GrainState<List<string>> state = new([]);
        await storage.ReadStateAsync(StateName, grain, state);
        return state;
    }

    private async Task<GrainState<List<string>>> WriteAsync(
        GrainId grain,
        string value,
        GrainState<List<string>>? read = null
    )
    {
        GrainState<List<string>> state = read ?? new([]);
        state.State = [value];
        await storage.WriteStateAsync(StateName, grain, state);
        return state;
    }

    private async Task<bool> TryWriteAsync(GrainId grain, string value)
    {
        try
        {
            await WriteAsync(grain, value);
            return true;
        }
        catch (InconsistentStateException)
        {
            return false;
        }
    }
}
