using Exapyte.Testing.Processes;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Exapyte.Cluster.Tests.Faults;

/// <summary>The row in which the control plane keeps a keyspace is altered in the database of a node that does not run.</summary>
public sealed class DamagedKeyspaceRowTests
{
    const string Keyspace = "raft";
    const string Other = "whole";

    [Theory]
    [Trait("Scenario", "data_corruption")]
    [InlineData(
        "Bytes are altered",
        "CAST(substr(PayloadBinary, 1, 40) || X'5A5A5A5A' || substr(PayloadBinary, 45) AS BLOB)"
    )]
    [InlineData("The state is gone", "NULL")]
    public async Task A_damaged_row_is_not_used_and_its_keyspace_says_so_while_the_others_are_served(
        string what,
        string payload
    )
    {
        using var folder = new TemporaryFolder("damaged-row");
        var settings = new SiloSettings { NodeId = "n1", DataFolder = folder.File("data") };
        await using (var silo = await SiloProcess.StartAsync(settings))
        {
            await Keyspaces.CreateAsync(silo.Rest, Keyspace, replicas: 1);
            await Requests.GetAsync(
                silo.Rest,
                Other,
                () => silo.Rest.PutKeyspaceAsync(Other, new KeyspaceSettings("raft", 1, 2))
            );
            await Keyspaces.EveryShardTakesWritesAsync(silo.Rest, Other);
            await silo.EndsInOrderAsync();
        }
        Alter(Path.Combine(settings.DataFolder, "control.db"), payload);

        await using var again = await SiloProcess.StartAsync(settings);
        // Longer than the service goes on trying, so that each request gets the service's own answer.
        using var patient = new RestClient(settings.Url, ClusterTestEnvironment.Deadline);
        var put = await patient.PutKeyspaceAsync(Keyspace, new KeyspaceSettings("raft", 1, 4));
        var deleted = await patient.DeleteKeyspaceAsync(Keyspace);

        Assert.True(put.Status == 503, $"{what}: {put}\n{again.Output}");
        Assert.True(deleted.Status == 503, $"{what}: {deleted}\n{again.Output}");
        Assert.Contains("damaged", put.Text, StringComparison.Ordinal);
        Assert.Contains("'keyspace/raft'", put.Text, StringComparison.Ordinal);
        Assert.Contains("restore the database from a backup", put.Text, StringComparison.Ordinal);
        await again.WaitUntilItSaysAsync("The control-plane database is damaged");
        await Keyspaces.EveryShardTakesWritesAsync(again.Rest, Other);
        Assert.InRange((await patient.GetAsync(Keyspace, "first")).Status, 503, 504);
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
