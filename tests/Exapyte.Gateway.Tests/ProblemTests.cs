using Exapyte.Client;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Operations;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class ProblemTests
{
    private const string A = "/v1/keyspaces/k/entries/a";

    [Theory]
    [InlineData(OutcomeKind.NotFound, 404, "not-found", false, false)]
    [InlineData(OutcomeKind.PreconditionFailed, 412, "precondition-failed", false, false)]
    [InlineData(OutcomeKind.NotLeader, 503, "unavailable", true, false)]
    [InlineData(OutcomeKind.WrongShard, 503, "unavailable", true, false)]
    [InlineData(OutcomeKind.NoSuchReplica, 503, "unavailable", true, false)]
    [InlineData(OutcomeKind.Unavailable, 503, "unavailable", true, false)]
    [InlineData(OutcomeKind.Unknown, 503, "unknown-outcome", false, true)]
    [InlineData(OutcomeKind.Overloaded, 429, "overloaded", true, false)]
    [InlineData(OutcomeKind.Invalid, 422, "not-applicable", false, false)]
    [InlineData(OutcomeKind.DiskFull, 507, "disk-full", true, false)]
    [InlineData(OutcomeKind.QuotaExceeded, 507, "quota-exceeded", false, false)]
    [InlineData(OutcomeKind.NoSuchKeyspace, 404, "no-such-keyspace", false, false)]
    [InlineData(OutcomeKind.RequestIdReused, 422, "request-id-reused", false, false)]
    [InlineData(OutcomeKind.NotAnInteger, 422, "not-an-integer", false, false)]
    [InlineData(OutcomeKind.OutOfRange, 422, "out-of-range", false, false)]
    [InlineData(OutcomeKind.NotJson, 422, "not-json", false, false)]
    [InlineData(OutcomeKind.ValueTooLarge, 413, "too-large", false, false)]
    [InlineData(OutcomeKind.DeadlineExceeded, 504, "deadline-exceeded", true, false)]
    public async Task Every_outcome_has_its_status_and_says_what_may_be_done(
        OutcomeKind kind,
        int status,
        string code,
        bool retryable,
        bool inDoubt
    )
    {
        await using var gateway = await GatewayFixture.StartAsync(options => options.RetryAfterSeconds = 7);
        foreach (var detail in new[] { null, "Because." })
        {
            gateway.Client.Intercept = (_, _) => new() { Kind = kind, Detail = detail };

            var answer = await gateway.PutAsync(A, "x");

            Assert.Equal(status, answer.Status);
            var problem = answer.Json;
            Assert.Equal("application/problem+json", answer.Header("Content-Type"));
            Assert.Equal("no-store", answer.Header("Cache-Control"));
            Assert.Equal("urn:exapyte:problem:" + code, problem.GetProperty("type").GetString());
            Assert.Equal(code, problem.GetProperty("code").GetString());
            Assert.Equal(status, problem.GetProperty("status").GetInt32());
            Assert.NotEmpty(problem.GetProperty("title").GetString()!);
            Assert.NotEmpty(problem.GetProperty("detail").GetString()!);
            Assert.NotEmpty(problem.GetProperty("traceId").GetString()!);
            Assert.Equal(retryable, problem.GetProperty("retryable").GetBoolean());
            Assert.Equal(inDoubt, problem.GetProperty("inDoubt").GetBoolean());
            Assert.Equal(status == 429 ? "7" : null, answer.Header("Retry-After"));
            if (detail is not null && kind != OutcomeKind.NoSuchKeyspace)
            {
                Assert.Equal(detail, problem.GetProperty("detail").GetString());
            }

            using var connection = await gateway.ConnectAsync();
            var head = await connection.SendAsync("HEAD", A);
            Assert.Equal((status, "application/problem+json"), (head.Status, head.Header("Content-Type")));
            Assert.Equal(status, (await connection.SendAsync("DELETE", A)).Status);
        }
    }

    [Fact]
    public void Every_outcome_but_Ok_is_a_problem_and_codes_are_told_apart()
    {
        foreach (var kind in Enum.GetValues<OutcomeKind>())
        {
            var problem = OutcomeProblems.Of(new OperationOutcome { Kind = kind }, repeatable: false);
            Assert.Equal(kind == OutcomeKind.Ok, problem is null);
        }
        Assert.Equal(ProblemKinds.All.Count, ProblemKinds.All.Select(kind => kind.Code).Distinct().Count());
        Assert.All(ProblemKinds.All, kind => Assert.InRange(kind.Status, 400, 507));
    }

    [Fact]
    public async Task An_unknown_outcome_may_be_sent_again_only_with_its_idempotency_key()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Client.Intercept = (_, _) => new() { Kind = OutcomeKind.Unknown };

        var bare = await gateway.PutAsync(A, "x");
        var keyed = await gateway.PutAsync(A, "x", "Idempotency-Key: 1");

        Assert.False(bare.Json.GetProperty("retryable").GetBoolean());
        Assert.True(keyed.Json.GetProperty("retryable").GetBoolean());
        Assert.True(keyed.Json.GetProperty("inDoubt").GetBoolean());
    }

    [Theory]
    [InlineData("PUT", "/v1/keyspaces/k/entries/a", "x", null)]
    [InlineData("DELETE", "/v1/keyspaces/k/entries/a", null, null)]
    [InlineData(
        "POST",
        "/v1/keyspaces/k/batch",
        "{\"items\":[{\"op\":\"put\",\"key\":\"a\",\"value\":\"x\"}]}",
        "items"
    )]
    [InlineData(
        "POST",
        "/v1/keyspaces/k/batch",
        "{\"atomic\":true,\"items\":[{\"op\":\"put\",\"key\":\"a\",\"value\":\"x\"}]}",
        null
    )]
    [InlineData("POST", "/v1/keyspaces/k/import", "{\"key\":\"a\",\"value\":\"x\"}", null)]
    public async Task An_unknown_outcome_is_in_doubt_whatever_way_the_write_came(
        string method,
        string target,
        string? body,
        string? within
    )
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Client.Intercept = (_, _) => new() { Kind = OutcomeKind.Unknown };

        var answer = await gateway.SendAsync(
            method,
            target,
            body is null ? null : System.Text.Encoding.UTF8.GetBytes(body),
            target.EndsWith("import", StringComparison.Ordinal)
                ? "Content-Type: application/x-ndjson"
                : "Content-Type: application/json"
        );

        var problem = within is null ? answer.Json : answer.Json.GetProperty(within)[0];
        Assert.Equal("unknown-outcome", problem.GetProperty("code").GetString());
        Assert.Equal(503, problem.GetProperty("status").GetInt32());
        Assert.True(problem.GetProperty("inDoubt").GetBoolean());
        Assert.False(problem.GetProperty("retryable").GetBoolean());
    }

    [Fact]
    public async Task An_unexpected_failure_is_a_logged_500_that_shows_nothing_of_itself()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Client.Throws = new InvalidOperationException("secret");

        var read = await gateway.GetAsync(A);
        var write = await gateway.PutAsync(A, "x");

        Assert.Equal((500, "internal"), (read.Status, read.Code));
        Assert.DoesNotContain("secret", read.Text);
        Assert.False(read.Json.GetProperty("inDoubt").GetBoolean());
        Assert.True(write.Json.GetProperty("inDoubt").GetBoolean());
        Assert.Equal(2, gateway.Log.Errors);
        Assert.Contains(
            gateway.Log.Lines,
            line => line.Message.Contains(read.Json.GetProperty("traceId").GetString()!, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task A_connection_that_breaks_behind_the_gateway_is_not_taken_for_the_caller()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Client.Throws = new Microsoft.AspNetCore.Connections.ConnectionResetException("A node went away.");

        var answer = await gateway.PutAsync(A, "x");

        Assert.Equal((503, "unavailable"), (answer.Status, answer.Code));
        Assert.True(answer.Json.GetProperty("inDoubt").GetBoolean());
        Assert.False(answer.Json.GetProperty("retryable").GetBoolean());
    }

    [Theory]
    [InlineData(typeof(TimeoutException))]
    [InlineData(typeof(ClusterUnavailableException))]
    public async Task A_control_plane_that_does_not_answer_is_503(Type failure)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Client.Throws =
            failure == typeof(TimeoutException)
                ? new TimeoutException("late")
                : new ClusterUnavailableException("The control plane could not be reached in time.");

        foreach (var target in new[] { "/v1/keyspaces", "/v1/cluster", "/v1/nodes" })
        {
            var answer = await gateway.GetAsync(target);
            Assert.Equal((503, "unavailable"), (answer.Status, answer.Code));
            Assert.True(answer.Json.GetProperty("retryable").GetBoolean());
        }
        Assert.Equal(0, gateway.Log.Errors);
    }

    [Theory]
    [InlineData(KeyspaceOutcome.NotFound, 404, "no-such-keyspace")]
    [InlineData(KeyspaceOutcome.Invalid, 400, "invalid-keyspace")]
    [InlineData(KeyspaceOutcome.Conflict, 409, "keyspace-conflict")]
    [InlineData(KeyspaceOutcome.Unavailable, 503, "unavailable")]
    public async Task Every_refusal_of_a_keyspace_has_its_status_and_reasons(
        KeyspaceOutcome outcome,
        int status,
        string code
    )
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Client.InterceptKeyspace = new()
        {
            Outcome = outcome,
            Reasons = ["One.", "Two."],
            InDoubt = outcome == KeyspaceOutcome.Unavailable,
        };

        foreach (var method in new[] { "PUT", "GET", "DELETE" })
        {
            var answer = await gateway.SendAsync(method, "/v1/keyspaces/k");
            Assert.Equal((status, code), (answer.Status, answer.Code));
            Assert.Equal(status == 503 && method != "GET", answer.Json.GetProperty("inDoubt").GetBoolean());
            if (status != 404)
            {
                Assert.Equal(2, answer.Json.GetProperty("reasons").GetArrayLength());
            }
        }
    }

    [Fact]
    public async Task A_keyspace_that_is_not_there_has_a_code_of_its_own()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        foreach (var target in new[] { "/entries/a", "/entries", "/entries64/YQ", "/shards", "" })
        {
            Assert.Equal("no-such-keyspace", (await gateway.GetAsync("/v1/keyspaces/nowhere" + target)).Code);
        }
        Assert.Equal("no-such-keyspace", (await gateway.PutAsync("/v1/keyspaces/nowhere/entries/a", "x")).Code);
        var batch = await gateway.PostJsonAsync(
            "/v1/keyspaces/nowhere/batch",
            """{"items":[{"op":"get","key":"a"}]}"""
        );
        Assert.Equal((404, "no-such-keyspace"), (batch.Status, batch.Code));
    }
}
