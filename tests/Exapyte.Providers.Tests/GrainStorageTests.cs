using Exapyte.Client;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace Exapyte.Providers.Tests;

/// <summary>What Orleans asks of a grain storage, as its persistence tests do.</summary>
public sealed class GrainStorageTests(TwoApplications applications) : IClassFixture<TwoApplications>
{
    const string State = "state";

    readonly IGrainStorage _storage = applications.Storage;

    static int s_grains;

    [Fact]
    public async Task A_state_that_was_never_written_is_new_and_does_not_exist()
    {
        var state = await ReadAsync(NewGrain());

        Assert.Equal((false, null, 0), (state.RecordExists, state.ETag, state.State!.Count));
    }

    public static TheoryData<string> GrainKeys => ["key", "näme/with@odd 'signs'", "7", $"{Guid.Empty:n}+extension"];

    [Theory, MemberData(nameof(GrainKeys))]
    public async Task A_written_state_is_read_back_under_its_own_key(string key)
    {
        var grain = GrainId.Create("keys", key);
        var written = await ReadAsync(grain);
        written.State!.Count = key.Length;
        await _storage.WriteStateAsync(State, grain, written);

        var read = await ReadAsync(grain);

        Assert.Equal((true, written.ETag, key.Length), (read.RecordExists, read.ETag, read.State!.Count));
        Assert.False((await ReadAsync(grain, "another")).RecordExists);
    }

    [Fact]
    public async Task Each_write_has_an_etag_of_its_own()
    {
        var grain = NewGrain();
        var state = await WriteAsync(grain, 1);
        var first = state.ETag;

        await _storage.WriteStateAsync(State, grain, state);

        Assert.NotEqual(first, state.ETag);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_read_before_another_wrote_is_refused_and_changes_nothing(bool clears)
    {
        var grain = NewGrain();
        await WriteAsync(grain, 1);
        var late = await ReadAsync(grain);
        var winner = await ReadAsync(grain);
        winner.State!.Count = 2;
        await _storage.WriteStateAsync(State, grain, winner);

        late.State!.Count = 3;
        var failure = await Assert.ThrowsAsync<InconsistentStateException>(() =>
            clears ? _storage.ClearStateAsync(State, grain, late) : _storage.WriteStateAsync(State, grain, late)
        );

        Assert.Equal((winner.ETag, late.ETag), (failure.StoredEtag, failure.CurrentEtag));
        Assert.Equal(2, (await ReadAsync(grain)).State!.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_read_nothing_is_refused_where_another_was_first(bool clears)
    {
        var grain = NewGrain();
        var late = await ReadAsync(grain);
        await WriteAsync(grain, 1);

        await Assert.ThrowsAsync<InconsistentStateException>(() =>
            clears ? _storage.ClearStateAsync(State, grain, late) : _storage.WriteStateAsync(State, grain, late)
        );

        Assert.Equal(1, (await ReadAsync(grain)).State!.Count);
    }

    [Fact]
    public async Task Of_first_writes_at_once_exactly_one_wins()
    {
        var grain = NewGrain();

        var won = await Task.WhenAll(Enumerable.Range(1, 16).Select(number => TryWriteAsync(grain, number)));

        Assert.Equal(Array.IndexOf(won, true) + 1, (await ReadAsync(grain)).State!.Count);
        Assert.Single(won, one => one);
    }

    [Fact]
    public async Task A_cleared_state_does_not_exist_and_can_be_written_again_but_not_by_its_old_etag()
    {
        var grain = NewGrain();
        var state = await WriteAsync(grain, 1);
        var old = await ReadAsync(grain);
        await _storage.ClearStateAsync(State, grain, state);

        Assert.Equal((false, null, 0), (state.RecordExists, state.ETag, state.State!.Count));
        Assert.False((await ReadAsync(grain)).RecordExists);
        await Assert.ThrowsAsync<InconsistentStateException>(() => _storage.WriteStateAsync(State, grain, old));
        state.State!.Count = 2;
        await _storage.WriteStateAsync(State, grain, state);
        Assert.Equal(2, (await ReadAsync(grain)).State!.Count);
    }

    [Fact]
    public async Task States_are_json_that_can_be_queried()
    {
        var grain = NewGrain();
        await WriteAsync(grain, 4_711);

        List<string> found = [];
        await foreach (var entry in applications.Client.Keyspace("grains").QueryAsync<Counter>("doc.count == 4711"))
            found.Add(entry.Key.ToString());

        Assert.Equal([$"{State}/{grain}"], found);
    }

    static GrainId NewGrain() => GrainId.Create("test", $"{Interlocked.Increment(ref s_grains)}");

    async Task<GrainState<Counter>> ReadAsync(GrainId grain, string name = State)
    {
        var state = new GrainState<Counter>();
        await _storage.ReadStateAsync(name, grain, state);
        return state;
    }

    async Task<GrainState<Counter>> WriteAsync(GrainId grain, int count)
    {
        var state = new GrainState<Counter>(new Counter { Count = count });
        await _storage.WriteStateAsync(State, grain, state);
        return state;
    }

    async Task<bool> TryWriteAsync(GrainId grain, int count)
    {
        try
        {
            await WriteAsync(grain, count);
            return true;
        }
        catch (InconsistentStateException)
        {
            return false;
        }
    }
}

/// <summary>A grain's state.</summary>
public sealed class Counter
{
    public int Count { get; set; }
}
