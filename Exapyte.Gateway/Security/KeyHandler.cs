using Exapyte.Client.Security;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Security;
using Exapyte.Wire;

namespace Exapyte.Gateway.Security;

/// <summary>Makes, shows and revokes keys. A secret is made here, shown once, and goes no further than as its hash.</summary>
internal sealed class KeyHandler(IKeyAdministration? keys, ProblemWriter problems, TimeProvider time)
{
    private const int BodyBytesMax = 256 << 10;

    private static readonly Problem OutOfReach = new(
        ProblemKinds.Unavailable,
        "The control plane is out of reach: keys can be neither shown nor changed. Those in force go on being checked."
    );

    /// <summary>GET, HEAD and POST /v1/keys.</summary>
    public async Task HandleAllAsync(HttpContext context, Call call)
    {
        if (Refuse(call) is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
        }
        else if (HttpMethods.IsPost(context.Request.Method))
        {
            await CreateAsync(context);
        }
        else if (await keys!.ListAsync(context.RequestAborted) is { } ring)
        {
            await JsonAnswer.WriteAsync(
                context,
                StatusCodes.Status200OK,
                new KeysDocument([.. ring.Keys.Select(KeyDocument.Of)]),
                GatewayJson.Relaxed.KeysDocument
            );
        }
        else
        {
            await problems.WriteAsync(context, OutOfReach);
        }
    }

    /// <summary>GET, HEAD and DELETE /v1/keys/{id}.</summary>
    public async Task HandleOneAsync(HttpContext context, Call call)
    {
        if (Refuse(call) is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
        }
        else if (HttpMethods.IsDelete(context.Request.Method))
        {
            await RevokeAsync(context, call.Id);
        }
        else if (await keys!.ListAsync(context.RequestAborted) is not { } ring)
        {
            await problems.WriteAsync(context, OutOfReach);
        }
        else if (ring.Find(call.Id) is { } key)
        {
            await JsonAnswer.WriteAsync(
                context,
                StatusCodes.Status200OK,
                KeyDocument.Of(key),
                GatewayJson.Relaxed.KeyDocument
            );
        }
        else
        {
            await problems.WriteAsync(context, NoSuchKey(call.Id));
        }
    }

    private async Task CreateAsync(HttpContext context)
    {
        var body = await JsonBody.ReadAsync(context, BodyBytesMax);
        if (body.Refusal is { } unread)
        {
            await problems.WriteAsync(context, unread);
            return;
        }
        using var document = body.Document;
        var secret = KeySecret.Create();
        List<string> reasons = [];
        var key = new KeyRequest(reasons).Read(
            document,
            KeySecret.CreateId(),
            KeySecret.HashOf(secret),
            time.GetUtcNow().ToUnixTimeMilliseconds()
        );
        if (reasons.Count > 0)
        {
            await problems.WriteAsync(context, OutcomeProblems.WithReasons(ProblemKinds.InvalidApiKey, reasons));
            return;
        }
        // A command that was sent is carried out, whether or not its caller waits for the answer.
        var reply = await keys!.AddAsync(key, CancellationToken.None);
        if (ProblemOf(reply, key.Id) is { } problem)
        {
            await problems.WriteAsync(context, problem);
            return;
        }
        context.Response.Headers.Location = $"{context.Request.PathBase.ToUriComponent()}/v1/keys/{key.Id}";
        await JsonAnswer.WriteAsync(
            context,
            StatusCodes.Status201Created,
            new NewKeyDocument(key.Id, secret),
            GatewayJson.Relaxed.NewKeyDocument
        );
    }

    private async Task RevokeAsync(HttpContext context, string id)
    {
        var reply = await keys!.RevokeAsync(id, CancellationToken.None);
        if (ProblemOf(reply, id) is { } problem)
        {
            await problems.WriteAsync(context, problem);
        }
        else if (reply.Unconfirmed.Length == 0)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
        }
        else
        {
            await JsonAnswer.WriteAsync(
                context,
                StatusCodes.Status202Accepted,
                new RevocationDocument(reply.Unconfirmed),
                GatewayJson.Relaxed.RevocationDocument
            );
        }
    }

    private Problem? Refuse(in Call call) =>
        call.RefuseAnyQuery()
        ?? (keys is null ? new(ProblemKinds.NotApplicable, "No keys are kept where this gateway runs.") : null);

    private static Problem? ProblemOf(KeyReply reply, string id) =>
        reply.Outcome switch
        {
            KeyOutcome.Ok => null,
            KeyOutcome.NotFound => NoSuchKey(id),
            KeyOutcome.Refused => OutcomeProblems.WithReasons(ProblemKinds.InvalidApiKey, reply.Reasons),
            _ => OutcomeProblems.WithReasons(ProblemKinds.Unavailable, reply.Reasons) with
            {
                InDoubt = true,
                Retryable = false,
            },
        };

    private static Problem NoSuchKey(string id) => new(ProblemKinds.NoSuchKey, $"There is no key '{id}'.");
}
