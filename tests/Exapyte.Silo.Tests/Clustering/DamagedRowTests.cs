using System.Text;
using Exapyte.Grains.ControlPlane;
using Microsoft.Data.Sqlite;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;
using Xunit;

namespace Exapyte.Silo.Tests.Clustering;

/// <summary>Rows of the control state that the database gives back otherwise than they were written.</summary>
public sealed class DamagedRowTests(EmbeddedSilo silo) : IClassFixture<EmbeddedSilo>
{
    private const string StateName = "state";
    private const int HeaderBytes = 16;

    [Fact]
    public async Task A_row_with_any_one_byte_altered_is_refused()
    {
        var (grain, text) = await WriteAsync();
        var (id, row) = Row(text);
        for (int at = 0; at < row.Length; at++)
        {
            byte[] altered = [.. row];
            altered[at] ^= (byte)(1 << (at % 8));
            SetPayload(id, altered);
            await Assert.ThrowsAsync<StateDamagedException>(() => ReadAsync(grain));
        }

        SetPayload(id, row);
        Assert.Equal([text], (await ReadAsync(grain)).State);
    }

    [Fact]
    public async Task A_row_that_was_cut_short_is_refused()
    {
        var (grain, text) = await WriteAsync();
        var (id, row) = Row(text);
        for (int length = 0; length < row.Length; length++)
        {
            SetPayload(id, row[..length]);
            await Assert.ThrowsAsync<StateDamagedException>(() => ReadAsync(grain));
        }
    }

    [Fact]
    public async Task A_row_of_a_version_without_checksums_is_read_and_gets_one_with_its_next_write()
    {
        var (grain, text) = await WriteAsync();
        var (id, row) = Row(text);
        SetPayload(id, row[HeaderBytes..]);

        GrainState<List<string>> read = await ReadAsync(grain);
        Assert.Equal([text], read.State);
        await silo.Storage.WriteStateAsync(StateName, grain, read);

        Assert.Equal(0xFF, Row(text).Payload[0]);
        Assert.Equal([text], (await ReadAsync(grain)).State);
    }

    private async Task<(GrainId Grain, string Text)> WriteAsync()
    {
        string text = Guid.NewGuid().ToString("N");
        GrainId grain = GrainId.Create("test", text);
        await silo.Storage.WriteStateAsync(StateName, grain, new GrainState<List<string>>([text]));
        return (grain, text);
    }

    private async Task<GrainState<List<string>>> ReadAsync(GrainId grain)
    {
        GrainState<List<string>> state = new([]);
        await silo.Storage.ReadStateAsync(StateName, grain, state);
        return state;
    }

    private (long Id, byte[] Payload) Row(string text)
    {
        using SqliteConnection database = Open();
        using SqliteCommand command = database.CreateCommand();
        command.CommandText =
            "SELECT rowid, PayloadBinary FROM ExapyteGrainState WHERE instr(PayloadBinary, $text) > 0";
        command.Parameters.AddWithValue("$text", Encoding.UTF8.GetBytes(text));
        using SqliteDataReader rows = command.ExecuteReader();
        Assert.True(rows.Read());
        return (rows.GetInt64(0), rows.GetFieldValue<byte[]>(1));
    }

    private void SetPayload(long id, byte[] payload)
    {
        using SqliteConnection database = Open();
        using SqliteCommand command = database.CreateCommand();
        command.CommandText = "UPDATE ExapyteGrainState SET PayloadBinary = $payload WHERE rowid = $id";
        command.Parameters.AddWithValue("$payload", payload);
        command.Parameters.AddWithValue("$id", id);
        Assert.Equal(1, command.ExecuteNonQuery());
    }

    private SqliteConnection Open()
    {
        SqliteConnection database = new($"Data Source={silo.File};Pooling=False");
        database.Open();
        return database;
    }
}
