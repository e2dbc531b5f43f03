using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Wire;
using static Exapyte.Grains.Tests.Leaderless.Entries;

namespace Exapyte.Grains.Tests.Leaderless;

public sealed class ContradictionTests
{
    private static readonly ComparisonTerms Terms = new()
    {
        AsOfMs = 0,
        SweptMs = 0,
        RevisionMax = ulong.MaxValue,
    };

    [Theory]
    [InlineData("right", "right wrong right", 3)]
    [InlineData("right", "wrong right right", 3)]
    [InlineData("stamped", "other stamped other2", 3)]
    [InlineData("stamped", "other stamped", 2)]
    [InlineData("stamped", "other stamped other", 5)]
    [InlineData(null, "other - other2", 3)]
    [InlineData(null, "same same same", 3)]
    [InlineData(null, "other - -", 3)]
    public void What_most_replicas_hold_counts_else_what_its_origin_holds(string? expected, string held, int replicas)
    {
        // Store 2 stamped the version; a dash is a replica that holds an older one.
        var testimonies = held.Split(' ')
            .Select((value, at) => new Testimony((ulong)at + 1, Put("k", value == "-" ? 1UL : 7, value, origin: 2)))
            .ToArray();
        var decided = Contradiction.Decide(testimonies, replicas, Terms);
        Assert.Equal(expected is null ? null : $"{expected}@7.2", decided?.Text());
    }

    [Fact]
    public async Task An_entry_that_overrules_replaces_its_own_version_and_none_that_is_newer()
    {
        var copy = new LocalCopy(new MemoryStore(new(), TimeProvider.System), null, null, new(1));
        await copy.Write([Put("a", 7, "wrong"), Put("b", 8, "newer")]);
        await copy.Write([Put("a", 7, "right"), Put("b", 7, "right")]);
        Assert.Equal("wrong@7.1", copy.Read(Bytes("a")).Text());

        Assert.Equal(
            OutcomeKind.Ok,
            (
                await copy.Write([
                    Contradiction.Overruling(Put("a", 7, "right")),
                    Contradiction.Overruling(Put("b", 7, "right")),
                ])
            ).Kind
        );
        Assert.Equal("right@7.1", copy.Read(Bytes("a")).Text());
        Assert.Equal("newer@8.1", copy.Read(Bytes("b")).Text());
    }
}
