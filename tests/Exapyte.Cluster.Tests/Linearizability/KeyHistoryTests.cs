using System.Text;
using Exapyte.Testing.Histories;
using Exapyte.Testing.Linearizability;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.Linearizability;

/// <summary>What a client may conclude from an answer, and what it must leave open.</summary>
public sealed class KeyHistoryTests
{
    readonly KeyHistory _history = new("key");
    long _now;

    [Theory]
    [InlineData(503, """{"code":"unknown-outcome","inDoubt":true}""")]
    [InlineData(500, """{"code":"internal"}""")]
    [InlineData(502, "a proxy's page")]
    [InlineData(0, "")]
    public void A_write_without_a_clear_answer_stays_open_for_ever(int status, string body)
    {
        Assert.Equal(RequestEnd.Unknown, Note(KeyRequest.Put(1), status, body));
        var open = Assert.Single(_history.Operations());
        Assert.Equal((KeyOutcome.Unknown, long.MaxValue), (open.Outcome, open.EndedAt));
    }

    [Theory]
    [InlineData(503, """{"code":"unavailable","inDoubt":false}""")]
    [InlineData(504, """{"code":"deadline-exceeded","inDoubt":false}""")]
    [InlineData(429, """{"code":"overloaded","inDoubt":false}""")]
    public void A_write_that_is_refused_did_not_happen(int status, string body)
    {
        Assert.Equal(RequestEnd.Refused, Note(KeyRequest.Put(1), status, body));
        Assert.Empty(_history.Operations());
    }

    [Fact]
    public void A_request_for_which_no_connection_came_about_did_not_happen()
    {
        var answer = new RestAnswer(0, ETag: null, [], "refused") { WasNotSent = true };
        Assert.Equal(RequestEnd.Refused, _history.Note(KeyRequest.Put(1), 1, 2, answer));
    }

    [Fact]
    public void A_keyspace_that_is_not_known_is_no_absent_key() =>
        Assert.Throws<InvalidDataException>(() => Note(KeyRequest.Read, 404, """{"code":"no-such-keyspace"}"""));

    [Fact]
    public void A_read_of_a_refused_write_is_not_linearizable()
    {
        Note(KeyRequest.Put(1), 503, """{"code":"unavailable","inDoubt":false}""");
        Note(KeyRequest.Read, 200, "1", "\"5\"");
        Is(LinearizabilityVerdict.NotLinearizable);
    }

    [Fact]
    public void A_write_in_doubt_may_be_read_after_a_read_that_missed_it()
    {
        Note(KeyRequest.Put(1), 0, "");
        Note(KeyRequest.Read, 404, """{"code":"not-found"}""");
        Note(KeyRequest.Read, 200, "1", "\"5\"");
        Is(LinearizabilityVerdict.Linearizable);
    }

    [Fact]
    public void A_failed_condition_tells_what_it_met()
    {
        Note(KeyRequest.Put(1), 201, "", "\"1\"");
        Note(KeyRequest.Put(2), 204, "", "\"2\"");
        Note(KeyRequest.PutIfAbsent(3), 412, "{}", "\"2\"");
        Is(LinearizabilityVerdict.Linearizable);
        Note(KeyRequest.PutIfAbsent(4), 412, "{}", "\"1\"");
        Is(LinearizabilityVerdict.NotLinearizable);
    }

    [Fact]
    public void A_write_on_a_version_that_was_replaced_is_not_linearizable()
    {
        Note(KeyRequest.Put(1), 201, "", "\"1\"");
        Note(KeyRequest.Put(2), 204, "", "\"2\"");
        Note(KeyRequest.Put(3).IfVersion("\"1\""), 204, "", "\"3\"");
        Is(LinearizabilityVerdict.NotLinearizable);
    }

    [Fact]
    public void A_version_has_one_value()
    {
        Note(KeyRequest.Put(1), 201, "", "\"1\"");
        Assert.Throws<InvalidDataException>(() => Note(KeyRequest.Put(2), 204, "", "\"1\""));
    }

    RequestEnd Note(KeyRequest request, int status, string body, string? eTag = null) =>
        _history.Note(
            request,
            ++_now,
            ++_now,
            new RestAnswer(status, eTag, Encoding.UTF8.GetBytes(body), status == 0 ? "no answer" : null)
        );

    void Is(LinearizabilityVerdict expected) =>
        Assert.Equal(expected, new LinearizabilityChecker().Check(_history.Operations()));
}
