using Exapyte.Storage.Files;
using Exapyte.Storage.Node;
using Exapyte.Testing.Files;
using Xunit;

namespace Exapyte.Storage.Tests.Node;

public sealed class DataFolderTests : IDisposable
{
    const string Simulated = "/data";

    readonly string _folder = Directory.CreateTempSubdirectory("exapyte-data-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    [Trait("Scenario", "disk_store_initialization")]
    public void A_new_folder_gets_its_files_and_keeps_its_identity()
    {
        ulong storeId;
        using (var folder = DataFolder.Open(_folder, "n1", PosixFiles.Instance))
        {
            storeId = folder.StoreId;
            Assert.NotEqual(0UL, storeId);
            Assert.True(File.Exists(Path.Combine(_folder, "node.json")));
            Assert.All([folder.LogPath, folder.StorePath], p => Assert.True(Directory.Exists(p)));
        }
        using var again = DataFolder.Open(_folder, "n1", PosixFiles.Instance);
        Assert.Equal((storeId, "n1"), (again.StoreId, again.NodeId));
    }

    [Fact]
    [Trait("Scenario", "disk_store_initialization")]
    public void A_second_opener_of_a_folder_is_refused_until_the_first_lets_go()
    {
        using (DataFolder.Open(_folder, "n1", PosixFiles.Instance))
        {
            var refusal = Assert.Throws<DataFolderException>(() => DataFolder.Open(_folder, "n1", PosixFiles.Instance));
            Assert.Contains("in use by another process", refusal.Message, StringComparison.Ordinal);
        }
        DataFolder.Open(_folder, "n1", PosixFiles.Instance).Dispose();
    }

    [Fact]
    [Trait("Scenario", "disk_store_initialization")]
    public void A_folder_of_another_node_is_refused_and_named()
    {
        DataFolder.Open(_folder, "n1", PosixFiles.Instance).Dispose();

        var refusal = Assert.Throws<DataFolderException>(() => DataFolder.Open(_folder, "n2", PosixFiles.Instance));

        Assert.Contains("belongs to node 'n1'", refusal.Message, StringComparison.Ordinal);
        // The refusal let go of the lock.
        DataFolder.Open(_folder, "n1", PosixFiles.Instance).Dispose();
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"format":1,"nodeId":"n1","storeId":"00","checksum":"00000000"}""")]
    [InlineData("""{"format":1,"nodeId":"n1","storeId":"x","checksum":"00000000"}""")]
    [InlineData("""{"format":"1"}""")]
    [Trait("Scenario", "disk_store_initialization")]
    public void A_damaged_identity_is_refused(string content)
    {
        File.WriteAllText(Path.Combine(_folder, "node.json"), content);
        var refusal = Assert.Throws<DataFolderException>(() => DataFolder.Open(_folder, "n1", PosixFiles.Instance));
        Assert.Contains("is damaged", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Scenario", "disk_store_initialization")]
    public void An_edited_node_id_a_newer_format_and_a_lost_identity_are_refused()
    {
        DataFolder.Open(_folder, "n1", PosixFiles.Instance).Dispose();
        var path = Path.Combine(_folder, "node.json");
        var content = File.ReadAllText(path);

        File.WriteAllText(path, content.Replace("\"n1\"", "\"n2\"", StringComparison.Ordinal));
        Assert.Contains("is damaged", Refusal("n2"), StringComparison.Ordinal);
        File.WriteAllText(path, content.Replace("\"format\": 1", "\"format\": 2", StringComparison.Ordinal));
        Assert.Contains("upgrade", Refusal("n1"), StringComparison.Ordinal);
        File.Delete(path);
        File.WriteAllText(Path.Combine(_folder, "log", "segment-0000000001.log"), "");
        Assert.Contains("no node.json", Refusal("n1"), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Scenario", "disk_store_initialization")]
    public void A_path_that_cannot_be_a_folder_is_refused_with_a_reason()
    {
        var file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        var refusal = Assert.Throws<DataFolderException>(() =>
            DataFolder.Open(Path.Combine(file, "data"), "n1", PosixFiles.Instance)
        );
        Assert.Contains("cannot be used", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    [Trait("Scenario", "disk_store_persistence")]
    public void A_document_is_read_as_it_was_last_written()
    {
        using (var folder = DataFolder.Open(_folder, "n1", PosixFiles.Instance))
        {
            Assert.Null(folder.ReadDocument("map-1"));
            folder.WriteDocument("map-1", "old"u8);
            folder.WriteDocument("map-1", "new"u8);
            folder.WriteDocument("epochs", []);
            folder.WriteDocument("gone", "x"u8);
            folder.DeleteDocument("gone");
        }
        using var again = DataFolder.Open(_folder, "n1", PosixFiles.Instance);
        Assert.Equal("new"u8.ToArray(), again.ReadDocument("map-1"));
        Assert.Empty(again.ReadDocument("epochs")!);
        Assert.Null(again.ReadDocument("gone"));
        Assert.Equal(["epochs", "map-1"], again.ListDocuments());
        foreach (var name in (string[])["", "../node", "a/b", ".hidden", "x.tmp", new('n', 101)])
            Assert.Throws<ArgumentException>(() => again.WriteDocument(name, []));
    }

    [Fact]
    public void A_flipped_bit_in_a_document_is_noticed_wherever_it_is()
    {
        var files = new SimulatedFiles();
        DataFolder.Open(Simulated, "n1", files).WriteDocument("map", "content"u8);
        const string Document = "/data/documents/map";
        for (var offset = 0; offset < files.Length(Document); offset++)
        {
            var rotten = files.Clone();
            rotten.Flip(Document, offset);
            var folder = DataFolder.Open(Simulated, "n1", rotten);
            Assert.Throws<DataFolderException>(() => folder.ReadDocument("map"));
        }
    }

    [Fact]
    [Trait("Scenario", "disk_store_transaction_log")]
    public void A_crash_at_any_moment_leaves_the_old_document_or_the_new_one()
    {
        var chance = new Random(7);
        for (var crashAt = 1; ; crashAt++)
        {
            var files = new SimulatedFiles();
            var folder = DataFolder.Open(Simulated, "n1", files);
            var storeId = folder.StoreId;
            folder.WriteDocument("map", "old"u8);
            var left = crashAt;
            files.Before = _ =>
            {
                if (--left > 0)
                    return;
                files.Crash();
                throw new SimulatedCrashException();
            };
            var ended = false;
            try
            {
                folder.WriteDocument("map", "new"u8);
                ended = true;
            }
            catch (SimulatedCrashException) { }
            files.Before = null;
            files.PowerCut(chance);
            folder = DataFolder.Open(Simulated, "n1", files);
            Assert.Equal(storeId, folder.StoreId);
            var found = System.Text.Encoding.UTF8.GetString(folder.ReadDocument("map")!);
            Assert.True(found == "new" || (found == "old" && !ended), found);
            if (ended)
                return;
        }
    }

    [Fact]
    public void A_crash_while_a_folder_is_made_leaves_one_that_opens()
    {
        var chance = new Random(8);
        for (var crashAt = 1; crashAt < 12; crashAt++)
        {
            var files = new SimulatedFiles();
            var left = crashAt;
            files.Before = _ =>
            {
                if (--left > 0)
                    return;
                files.Crash();
                throw new SimulatedCrashException();
            };
            try
            {
                DataFolder.Open(Simulated, "n1", files);
            }
            catch (SimulatedCrashException) { }
            files.Before = null;
            files.PowerCut(chance);
            var storeId = DataFolder.Open(Simulated, "n1", files).StoreId;
            files.PowerCut(chance);
            Assert.Equal(storeId, DataFolder.Open(Simulated, "n1", files).StoreId);
        }
    }

    string Refusal(string nodeId) =>
        Assert.Throws<DataFolderException>(() => DataFolder.Open(_folder, nodeId, PosixFiles.Instance)).Message;
}
