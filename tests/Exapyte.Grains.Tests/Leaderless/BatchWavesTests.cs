using CsCheck;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Operations;

namespace Exapyte.Grains.Tests.Leaderless;

public sealed class BatchWavesTests
{
    [Fact]
    public void Operations_on_different_keys_run_side_by_side()
    {
        var wave = Assert.Single(BatchWaves.Of([Put("a"), Get("b"), Put("c"), Get("b")], new OperationOutcome?[4]));
        Assert.Equal([0, 2], wave.Writes);
        Assert.Equal([1, 3], wave.Reads);
    }

    [Fact]
    public void Two_writes_of_a_key_run_one_after_the_other()
    {
        var waves = BatchWaves.Of([Put("a"), Put("a"), Get("a")], new OperationOutcome?[3]);
        Assert.Equal([0], waves[0].Writes);
        Assert.Equal([1], waves[1].Writes);
        Assert.Equal([2], waves[2].Reads);
    }

    [Fact]
    public void What_has_its_outcome_already_is_left_out()
    {
        var waves = BatchWaves.Of([Put("a"), Get("a"), Get("b")], [OperationOutcome.NotFound, null, null]);
        Assert.Equal([1, 2], Assert.Single(waves).Reads);
    }

    /// <summary>Run wave by wave, a batch on a map answers what it answers run one by one.</summary>
    [Fact]
    public void Waves_in_a_row_answer_what_the_operations_one_after_the_other_would() =>
        Gen.Select(Gen.Int[0, 2], Gen.Bool)
            .Array[0, 20]
            .Sample(drawn =>
            {
                var operations = Array.ConvertAll(drawn, one => one.Item2 ? Put($"{one.Item1}") : Get($"{one.Item1}"));
                var inOrder = new int[operations.Length];
                var state = new int[3];
                for (var i = 0; i < drawn.Length; i++)
                {
                    inOrder[i] = drawn[i].Item2 ? state[drawn[i].Item1] = i + 1 : state[drawn[i].Item1];
                }
                var inWaves = new int[operations.Length];
                state = new int[3];
                foreach (var wave in BatchWaves.Of(operations, new OperationOutcome?[operations.Length]))
                {
                    Assert.Equal(wave.Writes.Order(), wave.Writes);
                    // Whichever of the two sides is first: they share no key.
                    foreach (var i in wave.Writes.Concat(wave.Reads))
                    {
                        inWaves[i] = drawn[i].Item2 ? state[drawn[i].Item1] = i + 1 : state[drawn[i].Item1];
                    }
                }
                Assert.Equal(inOrder, inWaves);
            });

    private static Operation Put(string key) => new() { Kind = OperationKind.Put, Key = Entries.Bytes(key) };

    private static Operation Get(string key) => new() { Kind = OperationKind.Get, Key = Entries.Bytes(key) };
}
