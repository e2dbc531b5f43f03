using Bogus;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>The witness of all tests here is shown every kind of damage, and sees it.</summary>
public sealed class AckedWritesTests
{
    readonly Faker _faker = new() { Random = new Randomizer(7) };
    readonly AckedWrites _writes = new("any");

    public AckedWritesTests()
    {
        _writes.Acknowledge("k", 1);
        _writes.Acknowledge("k", 2);
    }

    [Fact]
    public void The_last_acknowledged_value_is_right() => Assert.Null(_writes.Judge("k", Found("k", 2)));

    [Fact]
    public void An_absent_acknowledged_value_is_lost() =>
        Assert.Contains("lost", _writes.Judge("k", NotFound()), StringComparison.Ordinal);

    [Fact]
    public void An_older_value_than_the_acknowledged_one_is_a_lost_write() =>
        Assert.Contains("holds 1", _writes.Judge("k", Found("k", 1)), StringComparison.Ordinal);

    [Fact]
    public void Either_the_acknowledged_value_or_the_one_in_doubt_is_right()
    {
        _writes.Doubt("k", 3);
        Assert.Null(_writes.Judge("k", Found("k", 2)));
        Assert.Null(_writes.Judge("k", Found("k", 3)));
        Assert.NotNull(_writes.Judge("k", NotFound()));
        Assert.NotNull(_writes.Judge("k", Found("k", 1)));
    }

    [Fact]
    public void A_key_whose_only_write_is_in_doubt_may_be_absent()
    {
        _writes.Doubt("new", 1);
        Assert.Null(_writes.Judge("new", NotFound()));
        Assert.Null(_writes.Judge("new", Found("new", 1)));
    }

    [Fact]
    public void A_key_in_doubt_is_never_written_again()
    {
        _writes.Doubt("k", 3);
        Assert.Throws<InvalidOperationException>(() => _writes.Acknowledge("k", 4));
    }

    [Fact]
    public void A_torn_a_mixed_and_a_foreign_value_are_seen()
    {
        var value = SelfVerifyingValue.Create(_faker, "k", 2);
        var other = SelfVerifyingValue.Create(_faker, "k", 1);
        Assert.Contains("torn", _writes.Judge("k", Found(value[..^1])), StringComparison.Ordinal);
        Assert.Contains("torn", _writes.Judge("k", Found([.. value, 0])), StringComparison.Ordinal);
        Assert.Contains("torn", _writes.Judge("k", Found([.. value[..^8], .. other[^8..]])), StringComparison.Ordinal);
        Assert.Contains("torn", _writes.Judge("k", Found("other", 2)), StringComparison.Ordinal);
        Assert.Contains("torn", _writes.Judge("k", Found([])), StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_that_does_not_answer_is_no_proof_that_the_value_is_there() =>
        Assert.Contains(
            "not readable",
            _writes.Judge("k", new RestAnswer(503, null, [], null)),
            StringComparison.Ordinal
        );

    RestAnswer Found(string key, long sequence) => Found(SelfVerifyingValue.Create(_faker, key, sequence));

    static RestAnswer Found(byte[] value) => new(200, "\"1\"", value, Failure: null);

    static RestAnswer NotFound() => new(404, ETag: null, [], Failure: null);
}
