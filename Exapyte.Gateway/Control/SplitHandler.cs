using System.Text;
using System.Text.Json;
using Exapyte.Client.Administration;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Gateway.Control;

/// <summary>The answer to a split: the shard that is made.</summary>
internal sealed record SplitDocument(string Keyspace, long Shard);

/// <summary>POST K/splits.</summary>
internal sealed class SplitHandler(IShardAdministration? shards, ProblemWriter problems)
{
    private const int BodyBytesMax = 16 * 1_024;
    private const string Shape = "The body must be {\"key\": text} or {\"key64\": base64url}, and nothing else.";

    /// <summary>Splits the shard of a key.</summary>
    public async Task HandleAsync(HttpContext context, Call call)
    {
        var refusal = call.RefuseAnyQuery();
        byte[]? key = null;
        if (refusal is null)
        {
            var body = await JsonBody.ReadAsync(context, BodyBytesMax);
            using var document = body.Document;
            refusal = body.Refusal ?? Read(document, out key);
        }
        refusal ??= shards is null
            ? new(ProblemKinds.NotApplicable, "No shards are kept where this gateway runs.")
            : null;
        if (refusal is not null)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        // A command that was sent is carried out, whether or not its caller waits for the answer.
        var reply = await shards!.SplitAsync(call.Keyspace, key!, CancellationToken.None);
        if (ProblemOf(reply, call.Keyspace) is { } problem)
        {
            await problems.WriteAsync(context, problem);
            return;
        }
        var map = reply.Map!;
        context.Response.Headers.Location =
            $"{context.Request.PathBase.ToUriComponent()}/v1/keyspaces/{call.Keyspace}/shards";
        await JsonAnswer.WriteAsync(
            context,
            StatusCodes.Status202Accepted,
            new SplitDocument(call.Keyspace, map.Shards[map.ShardIndexOf(key)].ShardId),
            GatewayJson.Relaxed.SplitDocument
        );
    }

    private static Problem? Read(JsonDocument? body, out byte[]? key)
    {
        key = null;
        if (body?.RootElement is not { ValueKind: JsonValueKind.Object } root || root.GetPropertyCount() != 1)
        {
            return new(ProblemKinds.InvalidBody, Shape);
        }
        var member = root.EnumerateObject().Single();
        if (member.Value.ValueKind != JsonValueKind.String)
        {
            return new(ProblemKinds.InvalidBody, Shape);
        }
        var text = member.Value.GetString()!;
        switch (member.Name)
        {
            case "key":
                key = Encoding.UTF8.GetBytes(text);
                break;
            case "key64" when Base64Text.TryDecode(text, out var bytes):
                key = bytes;
                break;
            case "key64":
                return new(ProblemKinds.InvalidKey, $"key64 must be {Base64Text.Rule}.");
            default:
                return new(ProblemKinds.InvalidBody, Shape);
        }
        return key.Length is 0 or > Limits.KeyBytesMax
            ? new(ProblemKinds.InvalidKey, $"A split key has 1 to {Limits.KeyBytesMax} bytes.")
            : null;
    }

    private static Problem? ProblemOf(SplitReply reply, string keyspace) =>
        reply.Outcome switch
        {
            SplitOutcome.Accepted => null,
            SplitOutcome.NotFound => OutcomeProblems.NoSuchKeyspace(keyspace),
            SplitOutcome.NotPossible => new(ProblemKinds.NotApplicable, reply.Reason!),
            SplitOutcome.Changing => new(ProblemKinds.KeyspaceConflict, reply.Reason!),
            _ => new(ProblemKinds.Unavailable, reply.Reason!) { InDoubt = reply.InDoubt },
        };
}
