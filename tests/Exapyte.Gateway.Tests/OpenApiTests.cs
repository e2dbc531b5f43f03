using System.Text.Json;
using System.Text.RegularExpressions;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed partial class OpenApiTests
{
    private static readonly string[] Methods = ["get", "head", "put", "post", "delete", "patch", "options", "trace"];

    [Fact]
    public async Task The_document_describes_the_routes_that_are_served_and_no_others()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var document = (await gateway.GetAsync("/openapi/v1.json")).Json;
        Assert.StartsWith("3.1", document.GetProperty("openapi").GetString());

        var described = document
            .GetProperty("paths")
            .EnumerateObject()
            .SelectMany(path =>
                path.Value.EnumerateObject()
                    .Where(member => Methods.Contains(member.Name))
                    .Select(member => member.Name.ToUpperInvariant() + " " + path.Name)
            );
        var served = Routes.All.SelectMany(route => route.Methods.Select(method => method + " " + route.Template));

        Assert.Equal(served.Order(), described.Order());
    }

    [Fact]
    public async Task Every_described_call_answers_with_a_described_status()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Shards.Reply = new()
        {
            Outcome = SplitOutcome.Accepted,
            Map = (await gateway.Client.GetKeyspaceAsync("k")).Map,
        };
        using var connection = await gateway.ConnectAsync();
        await connection.SendAsync("PUT", "/v1/keyspaces/k/entries/a", "{}"u8.ToArray());
        var archive = (await connection.SendAsync("POST", "/v1/keyspaces/k/backups")).Body;
        var id = InMemoryKeys.IdIn(gateway.Keys.AddRoot());
        var paths = (await gateway.GetAsync("/openapi/v1.json")).Json.GetProperty("paths");
        foreach (var path in paths.EnumerateObject())
        {
            var target = path
                .Name.Replace("/v1/rebalances/{id}", "/v1/rebalances/17")
                .Replace("{keyspace}", "k")
                .Replace("{key}/increment", "n/increment")
                .Replace("{key64}/increment", "bg/increment")
                .Replace("{key}", "a")
                .Replace("{key64}", "YQ")
                .Replace("{id}", id);
            foreach (var operation in path.Value.EnumerateObject().Where(member => Methods.Contains(member.Name)))
            {
                var body = operation.Name switch
                {
                    "put" when target == "/v1/keyspaces/k" => "{\"shards\":1}"u8.ToArray(),
                    "put" or "patch" => "{}"u8.ToArray(),
                    "post" when target.EndsWith("/increment", StringComparison.Ordinal) => null,
                    "post" when target == "/v1/restores" => archive,
                    "post" when target == "/v1/keys" =>
                        """{"name":"n","grants":[{"keyspace":"k","allow":["read"]}]}"""u8.ToArray(),
                    "post" when target.EndsWith("/import", StringComparison.Ordinal) => "{\"cursor\":null}"u8.ToArray(),
                    "post" when target.Contains("/query", StringComparison.Ordinal) => "{}"u8.ToArray(),
                    "post" when target.EndsWith("/splits", StringComparison.Ordinal) => "{\"key\":\"m\"}"u8.ToArray(),
                    "post" => "{\"items\":[]}"u8.ToArray(),
                    _ => null,
                };
                // Deleting is left for last: the other calls need what is there.
                if (operation.Name != "delete")
                {
                    var answer = await connection.SendAsync(
                        operation.Name.ToUpperInvariant(),
                        body == archive ? target + "?keyspace=restored" : target,
                        body,
                        body == archive ? ["Content-Type: application/vnd.exapyte.backup"]
                            : target.EndsWith("/import", StringComparison.Ordinal)
                                ? ["Content-Type: application/x-ndjson"]
                            : operation.Name == "patch" ? ["Content-Type: application/merge-patch+json"]
                            : []
                    );
                    Assert.InRange(answer.Status, 200, 204);
                    Assert.True(operation.Value.GetProperty("responses").TryGetProperty($"{answer.Status}", out _));
                }
            }
        }
    }

    [Fact]
    public async Task Every_reference_leads_somewhere_and_operation_ids_are_told_apart()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var answer = await gateway.GetAsync("/openapi/v1.json");
        foreach (Match reference in References().Matches(answer.Text))
        {
            var at = answer.Json;
            foreach (var step in reference.Groups["path"].Value.Split('/'))
            {
                Assert.True(at.TryGetProperty(step, out at), reference.Value);
            }
        }
        var ids = OperationIds().Matches(answer.Text).Select(match => match.Groups["id"].Value).ToArray();
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    [Fact]
    public async Task Every_refusal_that_a_call_can_make_is_described()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var text = (await gateway.GetAsync("/openapi/v1.json")).Text;
        var statuses = JsonDocument
            .Parse(text)
            .RootElement.GetProperty("components")
            .GetProperty("responses")
            .EnumerateObject()
            .Select(response => int.Parse(response.Name.AsSpan("Problem".Length, 3)))
            .ToHashSet();
        // A wrong method, and a body that comes too slowly, belong to no call.
        int[] general = [405, 408];
        Assert.All(
            ProblemKinds.All,
            kind => Assert.True(statuses.Contains(kind.Status) || general.Contains(kind.Status))
        );
    }

    [Fact]
    public async Task The_page_for_people_names_every_route_and_loads_nothing()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var answer = await gateway.GetAsync("/docs");

        Assert.Equal("text/html; charset=utf-8", answer.Header("Content-Type"));
        Assert.StartsWith("default-src 'none'", answer.Header("Content-Security-Policy"));
        foreach (var route in Routes.All)
        {
            Assert.Contains(route.Template.Replace("/v1/keyspaces/{keyspace}/", "K/"), answer.Text);
        }
        foreach (var kind in ProblemKinds.All)
        {
            Assert.Contains($">{kind.Code}<", answer.Text);
        }
        Assert.DoesNotMatch("(?i)<script|<link|<img|src=|@import|url\\(", answer.Text);
    }

    [GeneratedRegex("\"\\$ref\": \"#/(?<path>[^\"]+)\"", RegexOptions.None, 60_000)]
    private static partial Regex References();

    [GeneratedRegex("\"operationId\": \"(?<id>[^\"]+)\"", RegexOptions.None, 60_000)]
    private static partial Regex OperationIds();
}
