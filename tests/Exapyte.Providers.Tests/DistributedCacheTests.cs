using System.Buffers;
using Exapyte.Client;
using Exapyte.Testing.Processes;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Exapyte.Providers.Tests;

/// <summary>The contract of a distributed cache, between two applications.</summary>
public sealed class DistributedCacheTests(TwoApplications applications) : IClassFixture<TwoApplications>
{
    static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);
    static readonly DistributedCacheEntryOptions s_forever = new();

    readonly IBufferDistributedCache _node = applications.Caches.Node;
    readonly IBufferDistributedCache _other = applications.Caches.Other;

    static CancellationToken OfTest => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_one_application_sets_the_other_gets_until_either_removes_it()
    {
        await _node.SetAsync("shared", [1, 2, 3], s_forever, OfTest);
        Assert.Equal([1, 2, 3], await _other.GetAsync("shared", OfTest));
        await _other.RemoveAsync("shared", OfTest);
        Assert.Null(await _node.GetAsync("shared", OfTest));
        Assert.Null(await _node.GetAsync("never", OfTest));
        await _node.RemoveAsync("never", OfTest);
    }

    [Fact]
    public void The_calls_that_wait_do_the_same()
    {
        _node.Set("waiting", [7], s_forever);
        _other.Refresh("waiting");
        Assert.Equal([7], _other.Get("waiting"));
        var buffer = new ArrayBufferWriter<byte>();
        Assert.True(_other.TryGet("waiting", buffer));
        Assert.Equal([7], buffer.WrittenSpan.ToArray());
        _other.Remove("waiting");
        Assert.False(_node.TryGet("waiting", buffer));
    }

    [Fact]
    public async Task A_value_of_several_segments_is_one_value()
    {
        var first = new Segment([1, 2]);
        var last = first.Then([3]).Then([]).Then([4, 5]);
        var value = new ReadOnlySequence<byte>(first, 0, last, 2);

        await _node.SetAsync("segments", value, s_forever, OfTest);

        var buffer = new ArrayBufferWriter<byte>();
        Assert.True(await _other.TryGetAsync("segments", buffer, OfTest));
        Assert.Equal([1, 2, 3, 4, 5], buffer.WrittenSpan.ToArray());
        Assert.False(await _other.TryGetAsync("no-segments", buffer, OfTest));
    }

    [Fact]
    public async Task An_entry_ends_at_its_absolute_end_however_often_it_is_read()
    {
        var options = new DistributedCacheEntryOptions
        {
            AbsoluteExpirationRelativeToNow = TimeSpan.FromSeconds(1),
            SlidingExpiration = TimeSpan.FromMinutes(1),
        };
        await _node.SetAsync("absolute", [1], options, OfTest);

        await Poll.UntilAsync(
            "it ends",
            s_deadline,
            async () => await _other.GetAsync("absolute", OfTest) is null,
            () => ""
        );
    }

    [Fact]
    public async Task Reading_an_entry_moves_its_sliding_end_and_nothing_else()
    {
        var hour = new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromHours(1) };
        await _node.SetAsync("sliding", [1], hour, OfTest);
        var before = await EntryAsync("sliding");

        await Poll.UntilAsync(
            "its end has moved",
            s_deadline,
            async () =>
                await _other.GetAsync("sliding", OfTest) is [1]
                && (await EntryAsync("sliding")).Expires > before.Expires,
            () => ""
        );

        await _node.SetAsync("fixed", [1], new() { AbsoluteExpirationRelativeToNow = TimeSpan.FromHours(1) }, OfTest);
        var untouched = await EntryAsync("fixed");
        await _other.GetAsync("fixed", OfTest);
        Assert.Equal(untouched.Version, (await EntryAsync("fixed")).Version);
    }

    [Fact]
    public async Task Readers_of_a_sliding_entry_never_bring_back_what_was_removed()
    {
        var minute = new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromMinutes(1) };
        for (var round = 0; round < 20; round++)
        {
            await _node.SetAsync("gone", [1], minute, OfTest);
            var readers = Enumerable.Range(0, 8).Select(i => (i % 2 == 0 ? _node : _other).GetAsync("gone", OfTest));
            await Task.WhenAll(readers.Append(_other.RemoveAsync("gone", OfTest)));
            Assert.Null(await _node.GetAsync("gone", OfTest));
        }
    }

    [Fact]
    public async Task An_end_that_has_come_is_refused()
    {
        var past = new DistributedCacheEntryOptions { AbsoluteExpiration = DateTimeOffset.UnixEpoch };
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => _node.SetAsync("past", [1], past, OfTest));
    }

    [Fact]
    public async Task A_health_check_says_that_the_cluster_serves()
    {
        var report = await applications.Health.CheckHealthAsync(OfTest);
        Assert.Equal(HealthStatus.Healthy, report.Entries["exapyte"].Status);
    }

    async Task<Entry<ReadOnlyMemory<byte>>> EntryAsync(string key) =>
        (await applications.Client.Keyspace("cache").GetBytesAsync(key))!;

    sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] bytes) => Memory = bytes;

        public Segment Then(byte[] bytes)
        {
            var next = new Segment(bytes) { RunningIndex = RunningIndex + Memory.Length };
            Next = next;
            return next;
        }
    }
}
