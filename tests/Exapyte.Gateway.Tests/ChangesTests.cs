using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Exapyte.Client;
using Exapyte.Gateway.Changes;
using Exapyte.Gateway.Listing;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Operations;
using Exapyte.Security;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class ChangesTests
{
    private const string Changes = "/v1/keyspaces/k/changes";

    private static readonly byte[] CursorKey = new byte[16];

    private readonly ChangeTokenCodec codec = new(new TokenSigner(CursorKey));
    private readonly Channel<ChangesPart> heard = Channel.CreateUnbounded<ChangesPart>();
    private ChangesQuery? asked;

    [Fact]
    public async Task Server_sent_events_carry_the_token_as_their_id_and_a_heartbeat_has_no_data()
    {
        await using var gateway = await StartAsync();
        Say(0, null, [], 0);
        Say(1, ChangeKind.Put, "a"u8.ToArray(), 1);
        Say(2, ChangeKind.Delete, [0xff], 2);
        Say(3, ChangeKind.Expire, "a\nb"u8.ToArray(), 3);
        heard.Writer.Complete();

        var answer = await gateway.GetAsync(Changes);

        Assert.Equal((200, "text/event-stream"), (answer.Status, answer.Header("Content-Type")));
        Assert.Equal("no-store", answer.Header("Cache-Control"));
        Assert.Equal(
            $"id: {TokenOf(0)}\n\n"
                + $"id: {TokenOf(1)}\ndata: {{\"key\":\"a\",\"kind\":\"put\",\"version\":\"1\"}}\n\n"
                + $"id: {TokenOf(2)}\ndata: {{\"key64\":\"_w\",\"kind\":\"delete\",\"version\":\"2\"}}\n\n"
                + $"id: {TokenOf(3)}\ndata: {{\"key\":\"a\\nb\",\"kind\":\"expire\",\"version\":\"3\"}}\n\n",
            answer.Text
        );
    }

    [Fact]
    public async Task Lines_carry_the_token_beside_the_change_and_what_ends_them_is_the_last()
    {
        await using var gateway = await StartAsync();
        Say(0, null, [], 0);
        Say(1, ChangeKind.Put, "a"u8.ToArray(), 1);
        heard.Writer.TryWrite(new(OutcomeKind.Compacted, "List again.", null, Token(1)));
        heard.Writer.Complete();

        var answer = await gateway.GetAsync(Changes, "Accept: application/x-ndjson");

        Assert.Equal((200, "application/x-ndjson"), (answer.Status, answer.Header("Content-Type")));
        var lines = answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal($"{{\"token\":\"{TokenOf(0)}\"}}", lines[0]);
        Assert.Equal($"{{\"key\":\"a\",\"kind\":\"put\",\"version\":\"1\",\"token\":\"{TokenOf(1)}\"}}", lines[1]);
        var last = JsonDocument.Parse(lines[2]).RootElement;
        Assert.Equal(TokenOf(1), last.GetProperty("token").GetString());
        Assert.Equal(410, last.GetProperty("problem").GetProperty("status").GetInt32());
        Assert.Equal("compacted", last.GetProperty("problem").GetProperty("code").GetString());
    }

    [Fact]
    public async Task Last_event_id_goes_before_since_and_an_empty_one_says_nothing()
    {
        await using var gateway = await StartAsync();
        heard.Writer.Complete();

        await gateway.GetAsync($"{Changes}?prefix=a%2F&since={TokenOf(1)}", $"Last-Event-ID: {TokenOf(2)}");
        Assert.Equal(Token(2).ToString(), asked!.Since!.ToString());
        Assert.Equal("a/", Encoding.UTF8.GetString(asked.Prefix.Span));
        await gateway.GetAsync($"{Changes}?since={TokenOf(1)}", "Last-Event-ID:");
        Assert.Equal(Token(1).ToString(), asked.Since!.ToString());
        await gateway.GetAsync($"{Changes}?prefix64=_w");
        Assert.Null(asked.Since);
        Assert.Equal([0xff], asked.Prefix.ToArray());
    }

    [Theory]
    [InlineData("?since=", "invalid-token")]
    [InlineData("?since=nonsense", "invalid-token")]
    [InlineData("?since=AAAA&prefix=a", "invalid-token")]
    [InlineData("?prefix=a&prefix64=YQ", "invalid-query")]
    [InlineData("?prefix=a+b", "invalid-query")]
    [InlineData("?from=1", "invalid-query")]
    public async Task What_cannot_be_read_is_refused_and_nothing_is_watched(string query, string code)
    {
        await using var gateway = await StartAsync();
        var answer = await gateway.GetAsync(Changes + query);
        Assert.Equal((400, code), (answer.Status, answer.Code));
        Assert.Null(asked);
    }

    [Fact]
    public async Task A_forged_token_and_one_of_another_keyspace_or_kind_are_refused()
    {
        await using var gateway = await StartAsync();
        var tokens = new[]
        {
            new ChangeTokenCodec(new TokenSigner([])).Write("k", Token(1)),
            codec.Write("k2", Token(1)),
            TokenOf(1)[..^2] + "AA",
            new TokenSigner(CursorKey).Write("k", [1, 2, 3]),
        };
        foreach (var token in tokens)
        {
            var answer = await gateway.GetAsync(Changes, $"Last-Event-ID: {token}");
            Assert.Equal((400, "invalid-token"), (answer.Status, answer.Code));
        }
        heard.Writer.TryWrite(new(OutcomeKind.Invalid, "Another life.", null, null) { RefusesToken = true });
        var later = await gateway.GetAsync($"{Changes}?since={TokenOf(1)}");
        Assert.Equal((400, "invalid-token"), (later.Status, later.Code));
    }

    [Theory]
    [InlineData(OutcomeKind.Compacted, 410, "compacted")]
    [InlineData(OutcomeKind.Invalid, 422, "not-applicable")]
    [InlineData(OutcomeKind.NoSuchKeyspace, 404, "no-such-keyspace")]
    [InlineData(OutcomeKind.Unavailable, 503, "unavailable")]
    public async Task What_cannot_be_watched_is_told_before_anything_is_sent(OutcomeKind kind, int status, string code)
    {
        await using var gateway = await StartAsync();
        heard.Writer.TryWrite(new(kind, null, null, null));
        var answer = await gateway.GetAsync(Changes);
        Assert.Equal((status, code), (answer.Status, answer.Code));
    }

    [Fact]
    public async Task Watchers_have_a_bound_of_their_own_and_those_that_leave_make_room()
    {
        await using var gateway = await StartAsync(options =>
        {
            options.WatchersMax = 1;
            options.RequestsMax = 1;
        });
        Say(0, null, [], 0);
        using (var watching = await gateway.ConnectAsync())
        {
            await watching.WriteAsync($"GET {Changes} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            await watching.ReadUntilAsync($"id: {TokenOf(0)}");
            Assert.Equal(429, (await gateway.GetAsync(Changes)).Status);
            Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/k/entries/none")).Status);
        }
        await gateway.Log.WaitForAsync("A caller went away before its answer.");
        Say(0, null, [], 0);
        heard.Writer.Complete();
        Assert.Equal(200, (await gateway.GetAsync(Changes)).Status);
    }

    [Fact]
    public async Task A_watcher_that_takes_nothing_is_cut_off_and_until_then_held_up()
    {
        await using var gateway = await StartAsync(options => options.ChangesStallMax = TimeSpan.FromMilliseconds(100));
        var ended = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        gateway.Client.Changes = (_, _) => Endless(ended);
        using var watching = await gateway.ConnectAsync();

        await watching.WriteAsync($"GET {Changes} HTTP/1.1\r\nHost: localhost\r\n\r\n");

        // What the connection's buffers hold, and no more.
        Assert.InRange(
            await ended.Task.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken),
            1,
            1_000_000
        );
    }

    [Fact]
    public async Task A_key_reaches_the_changes_below_its_prefix_until_it_is_revoked()
    {
        await using var gateway = await StartAsync(options => options.Authentication = GatewayAuthentication.Keys);
        var key = gateway.Keys.Add(InMemoryKeys.Grant("k", KeyRights.Read, "a/"));
        Assert.Equal(403, (await gateway.GetAsync(Changes, key)).Status);
        Assert.Equal(403, (await gateway.GetAsync($"{Changes}?prefix=b/", key)).Status);
        Say(0, null, [], 0);
        using var watching = await gateway.ConnectAsync();
        await watching.WriteAsync($"GET {Changes}?prefix=a/1 HTTP/1.1\r\nHost: localhost\r\n{key}\r\n\r\n");
        await watching.ReadUntilAsync("id: ");

        await gateway.Keys.RevokeAsync(InMemoryKeys.IdIn(key), TestContext.Current.CancellationToken);
        gateway.Time.Advance(TimeSpan.FromSeconds(5));
        Say(1, ChangeKind.Put, "a/1"u8.ToArray(), 1);

        await watching.ReadUntilAsync("event: problem");
        await watching.ReadUntilAsync("data: {\"problem\":");
    }

    [Fact]
    public async Task Only_get_is_served()
    {
        await using var gateway = await StartAsync();
        Assert.Equal(405, (await gateway.SendAsync("POST", Changes)).Status);
    }

    [Fact]
    public async Task A_listing_answers_the_token_of_its_first_page()
    {
        await using var gateway = await StartAsync();
        gateway.Client.InterceptScan = (_, _) =>
            new(OutcomeKind.Ok, [], false, 1, null, gateway.Client.Served) { Changes = Token(7) };
        var page = await gateway.GetAsync("/v1/keyspaces/k/entries");
        Assert.Equal(TokenOf(7), page.Json.GetProperty("changes").GetString());
        var lines = await gateway.GetAsync("/v1/keyspaces/k/entries", "Accept: application/x-ndjson");
        Assert.Equal($"{{\"cursor\":null,\"changes\":\"{TokenOf(7)}\"}}\n", lines.Text);
    }

    private Task<GatewayFixture> StartAsync(Action<ExapyteGatewayOptions>? configure = null) =>
        Task.Run(async () =>
        {
            var gateway = await GatewayFixture.StartAsync(options =>
            {
                options.CursorKey = CursorKey;
                configure?.Invoke(options);
            });
            gateway.Client.Changes = (_, query) => ListenAsync(query);
            return gateway;
        });

    private async IAsyncEnumerable<ChangesPart> ListenAsync(
        ChangesQuery query,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        asked = query;
        await foreach (var part in heard.Reader.ReadAllAsync(cancellationToken))
        {
            yield return part;
        }
    }

    private static async IAsyncEnumerable<ChangesPart> Endless(
        TaskCompletionSource<int> ended,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        var told = 0;
        try
        {
            for (; !cancellationToken.IsCancellationRequested; told++)
            {
                yield return new(OutcomeKind.Ok, null, null, Token(1));
            }
            await Task.Yield();
        }
        finally
        {
            ended.TrySetResult(told);
        }
    }

    private void Say(ulong at, ChangeKind? kind, byte[] key, ulong version) =>
        heard.Writer.TryWrite(
            new(
                OutcomeKind.Ok,
                null,
                kind is { } what
                    ? new()
                    {
                        Revision = at,
                        Kind = what,
                        Key = key,
                        Version = new(version),
                    }
                    : null,
                Token(at)
            )
        );

    private string TokenOf(ulong at) => codec.Write("k", Token(at));

    private static ChangeToken Token(ulong revision)
    {
        Assert.True(ChangeToken.TryDecode([1, 0, 0, 0, 0, 0, 0, 0, 1, 5, (byte)revision], out var token));
        return token;
    }
}
