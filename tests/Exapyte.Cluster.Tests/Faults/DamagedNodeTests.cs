using System.Text.Json;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.Faults;

/// <summary>
/// One byte of one node's disk is not what was written, in each kind of file. Its peers make it whole again, and nothing
/// wrong is served on the way.
/// </summary>
public sealed class DamagedNodeTests(ITestOutputHelper output) : IAsyncLifetime
{
    const int Entries = 200;
    const string Damaged = "n3";
    const string Marker = "a value that stands in the log word for word";

    readonly List<AckedWrites> _written = [];
    SiloCluster _cluster = null!;

    string Data => _cluster[Damaged].Settings.DataFolder;

    public async ValueTask InitializeAsync()
    {
        _cluster = await SiloCluster.StartThreeAsync(postgres: null);
        foreach (var kind in Keyspaces.Kinds)
            await Keyspaces.CreateAsync(_cluster["n1"].Rest, kind, replicas: 3, shards: 2);
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public async Task ThreeNodes_one_of_which_has_a_flipped_byte_in_the_middle_of_its_log_replace_what_it_belongs_to()
    {
        await MarkAsync();
        await FillAsync();
        var before = await IdsAsync();
        await _cluster.KillAsync(Damaged);
        var file = FlipMarkers(onlyLast: false);

        await _cluster.RestartAsync(Damaged);

        await _cluster.WaitUntilItSaysAsync(Damaged, $"log is damaged: {Path.GetFileName(file)} at ");
        await IsMadeWholeAsync(before, isReplaced: true);
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public async Task ThreeNodes_one_of_which_has_a_flipped_byte_at_the_end_of_its_log_give_it_what_it_lacks()
    {
        await FillAsync();
        await MarkAsync();
        var before = await IdsAsync();
        await _cluster.KillAsync(Damaged);
        var file = FlipMarkers(onlyLast: true);

        await _cluster.RestartAsync(Damaged);

        await _cluster.WaitUntilItSaysAsync(Damaged, Path.GetFileName(file));
        await IsMadeWholeAsync(before, isReplaced: null);
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public async Task ThreeNodes_one_of_which_has_a_flipped_byte_in_a_table_of_its_store_replace_what_it_belongs_to()
    {
        await FillAsync();
        await _cluster.EndsInOrderAsync(Damaged);
        var before = await IdsAsync();
        var table = Directory.GetFiles(Path.Combine(Data, "store"), "*.sst").MaxBy(file => new FileInfo(file).Length)!;
        Flip(table, new FileInfo(table).Length / 2);

        await _cluster.RestartAsync(Damaged);

        await IsMadeWholeAsync(before, isReplaced: true);
        await _cluster.WaitUntilItSaysAsync(Damaged, $"{Path.GetFileName(table)} offset ");
    }

    [Theory]
    [Trait("Scenario", "disk_failure")]
    [InlineData("MANIFEST-*")]
    [InlineData("*.sst")]
    public async Task ThreeNodes_one_of_which_cannot_open_its_store_for_a_flipped_byte_fill_a_new_one(string files)
    {
        await FillAsync();
        await _cluster.EndsInOrderAsync(Damaged);
        var before = await IdsAsync();
        var file = Directory.GetFiles(Path.Combine(Data, "store"), files).MaxBy(file => new FileInfo(file).Length)!;
        var bytes = new FileInfo(file).Length;
        // In the middle of a manifest, or in the last bytes of a table, by which it is known as one.
        Flip(file, files[0] == 'M' ? bytes / 2 : bytes - 1);

        await _cluster.RestartAsync(Damaged);

        await _cluster.WaitUntilItSaysAsync(Damaged, "The node's store is broken and is rescued");
        await IsMadeWholeAsync(before, isReplaced: true);
    }

    async Task MarkAsync()
    {
        var marker = System.Text.Encoding.UTF8.GetBytes(Marker);
        foreach (var kind in Keyspaces.Kinds)
            await Requests.TakesAsync(_cluster["n1"].Rest, kind, "marked", marker);
        await AreAllWellAsync();
    }

    async Task FillAsync()
    {
        foreach (var kind in Keyspaces.Kinds)
            _written.Add(await Keyspaces.FillAsync(kind, [_cluster["n1"].Rest, _cluster["n2"].Rest], Entries));
        await AreAllWellAsync();
    }

    /// <summary>Flips a byte of the marked value of every kind, or of the last one in the log.</summary>
    string FlipMarkers(bool onlyLast)
    {
        var marker = System.Text.Encoding.UTF8.GetBytes(Marker);
        foreach (var file in Directory.GetFiles(Path.Combine(Data, "log"), "segment-*"))
        {
            List<long> found = [];
            var bytes = File.ReadAllBytes(file).AsSpan();
            for (var at = 0; bytes[at..].IndexOf(marker) is >= 0 and var next; at += next + 1)
                found.Add(at + next);
            if (found.Count == 0)
                continue;
            foreach (var offset in onlyLast ? [found[^1]] : found)
                Flip(file, offset);
            return file;
        }
        throw new InvalidOperationException($"The marked value does not stand in the log of {Damaged}.");
    }

    static void Flip(string file, long offset)
    {
        using var stream = File.Open(file, FileMode.Open, FileAccess.ReadWrite);
        stream.Position = offset;
        var flipped = (byte)(stream.ReadByte() ^ 1);
        stream.Position = offset;
        stream.WriteByte(flipped);
    }

    /// <summary>
    /// Reads everything through the node that was damaged until the cluster is whole, and then from that node alone. The
    /// reads find what only a reader finds; each is right, or says that it cannot be answered.
    /// </summary>
    async Task IsMadeWholeAsync(HashSet<long> before, bool? isReplaced)
    {
        await Poll.UntilAsync(
            "the damaged replicas are replaced",
            2 * ClusterTestEnvironment.Deadline,
            async () =>
            {
                await NothingWrongIsServedAsync();
                return await AllWellAsync() && (isReplaced != true || !before.SetEquals(await IdsAsync()));
            },
            () => _cluster.Outputs()
        );
        var after = await IdsAsync();
        output.WriteLine(
            $"replaced: {string.Join(' ', before.Except(after))} by {string.Join(' ', after.Except(before))}"
        );

        await _cluster.KillAsync("n1");
        await _cluster.KillAsync("n2");
        foreach (var writes in _written)
            await Keyspaces.HoldsAllAsync(_cluster[Damaged].Rest, writes, "eventual");
    }

    async Task NothingWrongIsServedAsync()
    {
        foreach (var writes in _written)
        {
            var wrong = await writes.VerifyAsync(_cluster[Damaged].Rest, TimeSpan.Zero, "eventual");
            var lies = wrong.Where(complaint => !IsRefusal(complaint)).ToList();
            Assert.True(lies.Count == 0, $"{string.Join('\n', lies.Take(10))}\n{_cluster.Outputs()}");
        }
    }

    /// <summary>
    /// An eventual read may be behind while the node catches up: nothing there yet is as honest as no answer. A torn or
    /// foreign value never is.
    /// </summary>
    static bool IsRefusal(string complaint) =>
        complaint.Contains("not readable", StringComparison.Ordinal)
        || complaint.Contains("lost", StringComparison.Ordinal);

    Task<TimeSpan> AreAllWellAsync() =>
        Poll.UntilAsync("all replicas are well", ClusterTestEnvironment.Deadline, AllWellAsync, _cluster.Outputs);

    /// <summary>
    /// Three replicas a shard, none with a problem, none still learning; members of a group as far as each other, leaderless
    /// replicas with nothing left to push.
    /// </summary>
    async Task<bool> AllWellAsync()
    {
        foreach (var kind in Keyspaces.Kinds)
        {
            var answer = await _cluster["n1"].Rest.GetShardsAsync(kind);
            if (!answer.IsSuccess)
                return false;
            foreach (var shard in answer.Json.GetProperty("shards").EnumerateArray())
            {
                var replicas = shard.GetProperty("replicas").EnumerateArray().ToList();
                var isWell =
                    replicas.Count == 3
                    && replicas.TrueForAll(IsWell)
                    && (kind != "raft" || replicas.DistinctBy(AppliedIndexOf).Count() == 1);
                if (!isWell)
                    return false;
            }
        }
        return true;
    }

    static ulong AppliedIndexOf(JsonElement replica) => replica.GetProperty("appliedIndex").GetUInt64();

    static bool IsWell(JsonElement replica) =>
        replica.GetProperty("role").GetString() is "leader" or "follower" or "replica"
        && !(replica.TryGetProperty("problem", out var problem) && problem.GetString() is { Length: > 0 })
        && !(replica.TryGetProperty("pendingPushes", out var pushes) && pushes.GetInt64() > 0);

    async Task<HashSet<long>> IdsAsync()
    {
        HashSet<long> ids = [];
        foreach (var kind in Keyspaces.Kinds)
        {
            var rest = _cluster["n1"].Rest;
            var answer = await Requests.GetAsync(rest, $"shards of {kind}", () => rest.GetShardsAsync(kind));
            foreach (var shard in answer.Json.GetProperty("shards").EnumerateArray())
                ids.UnionWith(
                    shard
                        .GetProperty("replicas")
                        .EnumerateArray()
                        .Select(replica => replica.GetProperty("id").GetInt64())
                );
        }
        return ids;
    }
}
