using Exapyte.Client;
using Exapyte.Client.Queries;
using Exapyte.Gateway.Entries;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Keyspaces;
using Exapyte.Security;
using Exapyte.Wire;

namespace Exapyte.Gateway.Control;

/// <summary>Keyspaces: their settings, their shards, and the list of them.</summary>
internal sealed class KeyspaceHandler(IExapyteClient client, ProblemWriter problems)
{
    /// <summary>1,023 split keys of 1,024 bytes in base64url, and the rest.</summary>
    private const int SettingsBytesMax = 2 << 20;

    /// <summary>GET /v1/keyspaces.</summary>
    public async Task ListAsync(HttpContext context, Call call)
    {
        if (call.RefuseAnyQuery() is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        var all = await client.ListKeyspacesAsync(context.RequestAborted);
        var names = Array.FindAll(all, call.Caller.Sees);
        await JsonAnswer.WriteAsync(
            context,
            StatusCodes.Status200OK,
            new KeyspacesDocument(names),
            GatewayJson.Relaxed.KeyspacesDocument
        );
    }

    /// <summary>GET, HEAD, PUT and DELETE K.</summary>
    public async Task HandleAsync(HttpContext context, Call call)
    {
        if ((call.RefuseAnyQuery() ?? RefuseConditions(context.Request.Headers)) is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        var method = context.Request.Method;
        if (HttpMethods.IsPut(method))
        {
            await PutAsync(context, call.Keyspace);
            return;
        }
        // A command that was sent is carried out, whether or not its caller waits for the answer.
        var reply = HttpMethods.IsDelete(method)
            ? await client.DeleteKeyspaceAsync(call.Keyspace, CancellationToken.None)
            : await client.GetKeyspaceAsync(call.Keyspace, context.RequestAborted);
        if (OutcomeProblems.Of(reply, call.Keyspace) is { } problem)
        {
            await problems.WriteAsync(
                context,
                HttpMethods.IsDelete(method) ? problem : problem with { InDoubt = false }
            );
            return;
        }
        if (HttpMethods.IsDelete(method))
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }
        var use = SeesUse(call) ? await client.GetUseAsync(reply.Map!, context.RequestAborted) : null;
        await AnswerAsync(
            context,
            StatusCodes.Status200OK,
            reply,
            use,
            await IndexesOfAsync(reply.Map!, context.RequestAborted)
        );
    }

    /// <summary>Who may not see all entries may not see how many there are.</summary>
    private static bool SeesUse(in Call call) =>
        call.Caller.May(KeyRights.Read, call.Keyspace) || call.Caller.May(KeyRights.Admin, call.Keyspace);

    /// <summary>GET K/shards.</summary>
    public async Task ShardsAsync(HttpContext context, Call call)
    {
        if (call.RefuseAnyQuery() is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        if (await client.GetShardsAsync(call.Keyspace, context.RequestAborted) is not { } shards)
        {
            await problems.WriteAsync(context, OutcomeProblems.NoSuchKeyspace(call.Keyspace));
            return;
        }
        var settings = (await client.GetKeyspaceAsync(call.Keyspace, context.RequestAborted)).Map?.Settings;
        await JsonAnswer.WriteAsync(
            context,
            StatusCodes.Status200OK,
            ShardsDocument.Of(call.Keyspace, shards, settings),
            GatewayJson.Relaxed.ShardsDocument
        );
    }

    private async Task PutAsync(HttpContext context, string keyspace)
    {
        var body = await JsonBody.ReadAsync(context, SettingsBytesMax);
        if (body.Refusal is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        using var document = body.Document;
        List<string> reasons = [];
        var settings = SettingsReader.Read(document, reasons);
        if (reasons.Count > 0)
        {
            await problems.WriteAsync(context, OutcomeProblems.WithReasons(ProblemKinds.InvalidKeyspace, reasons));
            return;
        }
        var reply = await client.PutKeyspaceAsync(keyspace, settings, CancellationToken.None);
        if (OutcomeProblems.Of(reply, keyspace) is { } problem)
        {
            await problems.WriteAsync(context, problem);
            return;
        }
        var isNew = reply.Outcome == KeyspaceOutcome.Created;
        if (isNew)
        {
            context.Response.Headers.Location = $"{context.Request.PathBase.ToUriComponent()}/v1/keyspaces/{keyspace}";
        }
        await AnswerAsync(context, isNew ? StatusCodes.Status201Created : StatusCodes.Status200OK, reply);
    }

    /// <summary>How the indexes of a keyspace stand that has some.</summary>
    private async Task<IReadOnlyList<IndexProgress>?> IndexesOfAsync(
        KeyspaceMap map,
        CancellationToken cancellationToken
    ) =>
        map.Settings.Indexes is { } indexes && await client.GetShardsAsync(map.Name, cancellationToken) is { } shards
            ? IndexProgress.Of(
                [.. indexes.Items.Select(index => (index.Name, (IReadOnlyList<string>)index.Paths))],
                shards
            )
            : null;

    private static Task AnswerAsync(
        HttpContext context,
        int status,
        KeyspaceReply reply,
        Usage? use = null,
        IReadOnlyList<IndexProgress>? indexes = null
    ) =>
        reply.Map is { } map
            ? JsonAnswer.WriteAsync(
                context,
                status,
                KeyspaceDocument.Of(map, use, indexes),
                GatewayJson.Relaxed.KeyspaceDocument
            )
            : throw new InvalidOperationException($"The answer {reply.Outcome} of a keyspace holds no map.");

    /// <summary>Keyspaces have no tags: a condition that is not judged must not be passed over.</summary>
    private static Problem? RefuseConditions(IHeaderDictionary headers) =>
        Conditions.AreIn(headers)
            ? new(ProblemKinds.InvalidHeader, "Keyspaces have no tags and take no If-Match, If-None-Match or dates.")
            : null;
}
