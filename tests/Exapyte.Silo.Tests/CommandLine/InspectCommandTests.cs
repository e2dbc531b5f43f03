using System.Text.Json;
using Exapyte.Silo.CommandLine;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Storage.Node;
using Xunit;

namespace Exapyte.Silo.Tests.CommandLine;

public sealed class InspectCommandTests : IDisposable
{
    private const int Whole = 0;
    private const int Damaged = 1;
    private const int Unusable = 2;
    private const int Refused = 3;

    private const string Description =
        """{"keyspaceId":1,"shardId":2,"replicaId":3,"replication":"Raft","storage":"Disk","storePrefix":7,"firstMembers":[3]}""";

    private readonly TemporaryFolder folder = new();
    private readonly StringWriter output = new();
    private readonly StringWriter error = new();

    private string Data => folder.File("data");

    public void Dispose()
    {
        folder.Dispose();
        output.Dispose();
        error.Dispose();
    }

    [Fact]
    public void A_whole_folder_is_described_in_tables()
    {
        Write();

        Assert.Equal(Whole, Inspect());
        Assert.Contains("node       n1", output.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("whole\n", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Json_has_the_replica_with_its_place_in_the_log()
    {
        Write();

        Assert.Equal(Whole, Inspect("--json"));
        JsonElement found = JsonSerializer.Deserialize<JsonElement>(output.ToString());
        Assert.True(found.GetProperty("isWhole").GetBoolean());
        JsonElement replica = Assert.Single(found.GetProperty("replicas").EnumerateArray());
        Assert.Equal(
            (3, 1, 2, "raft", 1, 2, 5, 3, 2),
            (
                replica.GetProperty("replica").GetInt32(),
                replica.GetProperty("keyspace").GetInt32(),
                replica.GetProperty("shard").GetInt32(),
                replica.GetProperty("kind").GetString(),
                replica.GetProperty("firstIndex").GetInt32(),
                replica.GetProperty("lastIndex").GetInt32(),
                replica.GetProperty("term").GetInt32(),
                replica.GetProperty("vote").GetInt32(),
                replica.GetProperty("commit").GetInt32()
            )
        );
        Assert.Equal(2, found.GetProperty("segments")[0].GetProperty("liveEntries").GetInt32());
    }

    [Fact]
    public void Nothing_in_the_folder_changes()
    {
        Write();
        var before = Contents();

        Inspect();

        Assert.Equal(before, Contents());
    }

    [Fact]
    public void A_damaged_document_is_named()
    {
        Write();
        File.AppendAllText(Path.Combine(Data, "documents", "settings"), "x");

        Assert.Equal(Damaged, Inspect());
        Assert.Contains("damaged: documents/settings", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_in_use_is_refused()
    {
        Write();
        using DataFolder held = DataFolder.Open(Data, "n1", new PosixFiles());

        Assert.Equal(Refused, Inspect());
        Assert.Contains("in use", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_data_folder_is_refused()
    {
        Assert.Equal(Refused, Inspect());
        Directory.CreateDirectory(Data);
        Assert.Equal(Refused, Inspect());
        Assert.Contains("is no data folder", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_folder_it_is_a_matter_of_usage() =>
        Assert.Equal(Unusable, new InspectCommand().Run([InspectCommand.Verb], output, error));

    private int Inspect(params string[] more) =>
        new InspectCommand().Run([InspectCommand.Verb, "--data", Data, .. more], output, error);

    private void Write()
    {
        using DataFolder data = DataFolder.Open(Data, "n1", new PosixFiles());
        data.WriteDocument("settings", "{}"u8);
        NodeLogOptions options = new()
        {
            SegmentBytes = 1 << 20,
            FillStepBytes = 1 << 20,
            BatchBytesMax = 256 << 10,
            AppendBytesMax = 512 << 10,
            DescriptorBytesMax = 4 << 10,
            RewriteBatchBytesMax = 64 << 10,
        };
        using NodeLog log = NodeLog.Open(data.LogPath, options, new PosixFiles(), out _);
        GroupId group = new(3);
        log.SetDescriptor(group, System.Text.Encoding.UTF8.GetBytes(Description));
        GroupAppend append = new() { Group = group, State = new(5, 3, 2) };
        append.Entries.Add(new(5, 1, 0, "one"u8.ToArray()));
        append.Entries.Add(new(5, 2, 0, "two"u8.ToArray()));
        log.Append(append);
    }

    private List<(string Path, string Content, DateTime Written)> Contents() =>
        [
            .. Directory
                .GetFiles(Data, "*", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal)
                .Select(file => (file, Convert.ToHexString(File.ReadAllBytes(file)), File.GetLastWriteTimeUtc(file))),
        ];
}
