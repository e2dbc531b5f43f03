using Exapyte.Testing.Processes;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Exapyte.Cluster.Tests.Faults;

/// <summary>The row in which the control plane keeps a keyspace is altered in the database of a node that does not run.</summary>
public sealed class DamagedKeyspaceRowTests
{
    const string Keyspace = "raft";

    [Theory]
    [Trait("Scenario", "data_corruption")]
    [InlineData("A byte is altered", "substr(PayloadBinary, 1, 40) || X'00' || substr(PayloadBinary, 42)")]
    [InlineData("The state is gone", "NULL")]
    public async Task A_damaged_row_is_not_used_and_the_keyspace_says_so_while_its_entries_are_served(
        string what,
        string payload
    )
    {
        using var folder = new TemporaryFolder("damaged-row");
        var settings = new SiloSettings { NodeId = "n1", DataFolder = folder.File("data") };
        await using (var silo = await SiloProcess.StartAsync(settings))
        {
            await Keyspaces.CreateAsync(silo.Rest, Keyspace, replicas: 1);
            Assert.Equal(0, await silo.DrainAsync());
        }
        Alter(Path.Combine(settings.DataFolder, "control.db"), payload);

        await using var again = await SiloProcess.StartAsync(settings);
        var put = await again.Rest.PutKeyspaceAsync(Keyspace, new KeyspaceSettings("raft", 1, 4));
        var deleted = await again.Rest.DeleteKeyspaceAsync(Keyspace);

        Assert.True(put.Status == 503, $"{what}: {put}");
        Assert.True(deleted.Status == 503, $"{what}: {deleted}");
        Assert.Contains("damaged", put.Text, StringComparison.Ordinal);
        Assert.Contains("'keyspace/raft'", put.Text, StringComparison.Ordinal);
        Assert.Contains("restore the database from a backup", put.Text, StringComparison.Ordinal);
        Assert.Contains("The control-plane database is damaged", again.Output, StringComparison.Ordinal);
        await Poll.UntilAsync(
            "the entries are served",
            ClusterTestEnvironment.Deadline,
            async () => (await again.Rest.GetAsync(Keyspace, "first")).Text == "1",
            () => again.Output
        );
    }

    static void Alter(string file, string payload)
    {
        using var database = new SqliteConnection($"Data Source={file};Pooling=False");
        database.Open();
        using var command = database.CreateCommand();
        command.CommandText =
            $"UPDATE ExapyteGrainState SET PayloadBinary = {payload} WHERE GrainIdExtensionString = $key";
        command.Parameters.AddWithValue("$key", Keyspace);
        Assert.Equal(1, command.ExecuteNonQuery());
    }
}
