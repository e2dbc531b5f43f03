using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.Faults;

/// <summary>
/// One byte of the data folder is not what was written. Whatever it belongs to: it is found, it is told with its file,
/// and it is never served.
/// </summary>
public sealed class FlippedByteTests(ITestOutputHelper output) : IDisposable
{
    const string Marker = "a value that stands in the log word for word";

    static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);

    readonly TemporaryFolder _folder = new("flip");
    readonly List<AckedWrites> _written = [];

    string Data => _folder.File("data");

    SiloSettings Settings => new() { NodeId = "n1", DataFolder = Data };

    public void Dispose() => _folder.Dispose();

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public async Task In_the_middle_of_the_log_it_takes_away_one_replica_and_no_other()
    {
        await WriteAsync(markerLast: false);
        var (file, offset) = FlipMarker();
        await IsReportedAsync(Path.GetFileName(file), offset);

        await using var silo = await SiloProcess.StartAsync(Settings);
        await silo.WaitUntilItSaysAsync($"log is damaged: {Path.GetFileName(file)} at ");
        await silo.WaitUntilItSaysAsync("is quarantined and must be replaced");
        using var patient = new RestClient(silo.Settings.Url, s_deadline);
        var marked = await patient.GetAsync("raft", "marked");
        Assert.True(marked.Status is 503 or 504, $"{marked}\n{silo.Output}");
        Assert.Contains("is damaged", marked.Text, StringComparison.Ordinal);
        foreach (var writes in _written.Where(writes => writes.Keyspace != "raft"))
            await Keyspaces.NothingIsLostOrTornAsync(silo.Rest, writes);
        await NothingWrongIsServedAsync(silo);
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public async Task At_the_end_of_the_log_it_is_told_and_not_served()
    {
        await WriteAsync(markerLast: true);
        var (file, _) = FlipMarker();

        await using var silo = await SiloProcess.StartAsync(Settings);
        await silo.WaitUntilItSaysAsync(Path.GetFileName(file));
        Assert.NotEqual(200, (await silo.Rest.GetAsync("raft", "marked")).Status);
        await NothingWrongIsServedAsync(silo);
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public async Task In_a_table_of_the_store_it_is_found_by_the_reader()
    {
        await WriteAsync(markerLast: false, drain: true);
        var table = Largest("store", "*.sst");
        Flip(table, new FileInfo(table).Length / 2);
        await IsReportedAsync(Path.GetFileName(table));

        await using var silo = await SiloProcess.StartAsync(Settings);
        await NothingWrongIsServedAsync(silo);
    }

    [Theory]
    [Trait("Scenario", "disk_failure")]
    [InlineData("", "node.json")]
    [InlineData("store", "MANIFEST-*")]
    [InlineData("documents", "map-*")]
    public async Task In_what_a_start_needs_it_is_refused_in_one_line_that_says_what_to_do(string folder, string name)
    {
        await WriteAsync(markerLast: false, drain: true);
        var file = Largest(folder, name);
        Flip(file, new FileInfo(file).Length / 2);
        await IsReportedAsync(folder.Length == 0 ? name : folder);

        await using var refused = SiloProcess.Launch(Settings);
        Assert.Equal(3, await refused.WaitForExitAsync(s_deadline));
        var reason = refused.StandardError.Trim();
        output.WriteLine(reason);
        Assert.True(!reason.Contains('\n', StringComparison.Ordinal), reason);
        Assert.Contains("restore", reason, StringComparison.Ordinal);
    }

    /// <summary>Fills a folder and ends its node: killed, so that the log matters, or drained, so that the store does.</summary>
    async Task WriteAsync(bool markerLast, bool drain = false)
    {
        await using var silo = await SiloProcess.StartAsync(Settings);
        await Keyspaces.CreateAllAsync(silo.Rest, replicas: 1, shards: 2);
        foreach (var kind in Keyspaces.Kinds.Where(_ => markerLast))
            _written.Add(await Keyspaces.FillAsync(kind, [silo.Rest], entries: 60));
        await Requests.TakesAsync(silo.Rest, "raft", "marked", System.Text.Encoding.UTF8.GetBytes(Marker));
        foreach (var kind in Keyspaces.Kinds.Where(_ => !markerLast))
            _written.Add(await Keyspaces.FillAsync(kind, [silo.Rest], entries: 60));
        if (drain)
            await silo.EndsInOrderAsync();
        else
            await silo.KillAsync();
    }

    (string File, long Offset) FlipMarker()
    {
        var marker = System.Text.Encoding.UTF8.GetBytes(Marker);
        foreach (var file in Directory.GetFiles(Path.Combine(Data, "log"), "segment-*"))
        {
            var offset = File.ReadAllBytes(file).AsSpan().IndexOf(marker);
            if (offset < 0)
                continue;
            Flip(file, offset);
            return (file, offset);
        }
        throw new InvalidOperationException("The marked value does not stand in the log.");
    }

    static void Flip(string file, long offset)
    {
        using var stream = File.Open(file, FileMode.Open, FileAccess.ReadWrite);
        stream.Position = offset;
        var flipped = (byte)(stream.ReadByte() ^ 1);
        stream.Position = offset;
        stream.WriteByte(flipped);
    }

    string Largest(string folder, string name) =>
        Directory.GetFiles(Path.Combine(Data, folder), name).MaxBy(file => new FileInfo(file).Length)!;

    /// <summary>The offline inspection ends with 1 and names the file.</summary>
    async Task IsReportedAsync(string file, long? near = null)
    {
        await using var inspection = new ChildProcess(SiloProcess.Executable, ["inspect", "--data", Data]);
        Assert.Equal(1, await inspection.WaitForExitAsync(s_deadline));
        output.WriteLine(inspection.Output);
        Assert.Contains("damaged: ", inspection.Output, StringComparison.Ordinal);
        Assert.Contains(file, inspection.Output, StringComparison.Ordinal);
        if (near is not null)
            Assert.Contains($"{file} at ", inspection.Output, StringComparison.Ordinal);
    }

    /// <summary>Each read gives what was written, or says that it cannot: an answer of any other kind would be a lie.</summary>
    async Task NothingWrongIsServedAsync(SiloProcess silo)
    {
        using var client = new RestClient(silo.Settings.Url, s_deadline);
        foreach (var writes in _written)
        {
            var wrong = await writes.VerifyAsync(client, TimeSpan.Zero);
            var lies = wrong.Where(complaint => !IsRefusal(complaint)).ToList();
            output.WriteLine($"{writes.Keyspace}: {wrong.Count} of {writes.Keys} cannot be read");
            Assert.True(lies.Count == 0, $"{string.Join('\n', lies.Take(10))}\n{silo.Output}");
        }
    }

    static bool IsRefusal(string complaint) =>
        complaint.Contains("not readable, 503", StringComparison.Ordinal)
        || complaint.Contains("not readable, 504", StringComparison.Ordinal);
}
