using Exapyte.Gateway.Tests.Fixtures;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class CallerGoneTests
{
    private const string Gone = "A caller went away before its answer.";

    [Theory]
    [InlineData("PUT /v1/keyspaces/k/entries/a", "Content-Length: 100", "half")]
    [InlineData("PUT /v1/keyspaces/k/entries/a", "Transfer-Encoding: chunked", "5\r\nhello\r\n5\r\nha")]
    [InlineData("PUT /v1/keyspaces/new", "Content-Length: 100", "{")]
    [InlineData("POST /v1/keyspaces/k/batch", "Content-Length: 100", "{\"items\":[")]
    [InlineData(
        "POST /v1/keyspaces/k/import",
        "Content-Type: application/x-ndjson\r\nContent-Length: 100",
        "{\"key\":\"a\""
    )]
    [InlineData(
        "POST /v1/restores?keyspace=new",
        "Content-Type: application/vnd.exapyte.backup\r\nContent-Length: 100",
        "EXAPYTE1"
    )]
    public async Task A_caller_that_goes_away_in_the_middle_of_a_body_is_no_error(
        string call,
        string headers,
        string body
    )
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using (var connection = await gateway.ConnectAsync())
        {
            // The body is asked for once the request is being handled: who leaves before is no caller yet.
            await connection.WriteAsync($"{call} HTTP/1.1\r\nHost: h\r\n{headers}\r\nExpect: 100-continue\r\n\r\n");
            Assert.Equal(100, (await connection.ReadAnswerAsync()).Status);
            await connection.WriteAsync(body);
        }

        await gateway.Log.WaitForAsync(Gone);
        Assert.Equal(0, gateway.Log.Errors);
        Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/k/entries/a")).Status);
        Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/new")).Status);
    }

    [Theory]
    [MemberData(nameof(Endings))]
    public async Task It_does_not_matter_whether_the_body_ends_before_the_request_counts_as_aborted(
        Exception ending,
        bool isAborted,
        bool isStream
    )
    {
        var time = new FakeTimeProvider();
        var log = new LogRecord();
        using var logs = LoggerFactory.Create(logging => logging.AddProvider(log).SetMinimumLevel(LogLevel.Debug));
        var gateway = new GatewayHandler(
            new InMemoryExapyteClient(time),
            Options.Create(new ExapyteGatewayOptions()),
            logs,
            time
        );
        var context = new DefaultHttpContext { RequestAborted = new CancellationToken(isAborted) };
        var aborted = new Lifetime { RequestAborted = context.RequestAborted };
        context.Features.Set<IHttpRequestLifetimeFeature>(aborted);
        context.Request.Method = isStream ? "POST" : "PUT";
        context.Request.ContentType = "application/x-ndjson";
        context.Request.ContentLength = 100;
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = isStream
            ? "/v1/keyspaces/k/import"
            : "/v1/keyspaces/k/entries/a";
        context.Request.Body = new BrokenBody(ending);

        await gateway.HandleAsync(context, "");

        Assert.Equal([(LogLevel.Debug, Gone)], log.Lines);
        Assert.True(aborted.IsAborted);
        Assert.False(context.Response.HasStarted);
        Assert.Equal(0, context.Response.ContentLength ?? 0);
    }

    [Fact]
    public async Task A_body_that_is_framed_wrongly_is_a_bad_request_of_a_caller_that_is_there()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var connection = await gateway.ConnectAsync();

        await connection.WriteAsync(
            "PUT /v1/keyspaces/k/entries/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"
        );

        var answer = await connection.ReadAnswerAsync();
        Assert.Equal((400, "invalid-request"), (answer.Status, answer.Code));
        Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/k/entries/a")).Status);
    }

    public static TheoryData<Exception, bool, bool> Endings()
    {
        var endings = new TheoryData<Exception, bool, bool>();
        foreach (var isStream in new[] { false, true })
        {
            foreach (var isAborted in new[] { false, true })
            {
                endings.Add(new BadHttpRequestException("Unexpected end of request content."), isAborted, isStream);
                endings.Add(new ConnectionResetException("reset"), isAborted, isStream);
                endings.Add(new ConnectionAbortedException(), isAborted, isStream);
            }
            endings.Add(new OperationCanceledException(), true, isStream);
        }
        return endings;
    }

    private sealed class Lifetime : IHttpRequestLifetimeFeature
    {
        public CancellationToken RequestAborted { get; set; }

        public bool IsAborted { get; private set; }

        public void Abort() => IsAborted = true;
    }

    private sealed class BrokenBody(Exception ending) : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            throw ending;
    }
}
