using Exapyte.Client;
using Exapyte.Client.Backups;
using Exapyte.Gateway.Control;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Gateway.Security;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Exapyte.Gateway.Backups;

/// <summary>
/// Archives of keyspaces, streamed: POST K/backups answers one, POST /v1/restores takes one. The caller keeps them.
/// </summary>
internal sealed class BackupHandler(IExapyteClient client, ProblemWriter problems, TimeProvider time)
{
    private static readonly string[] RestoreParameters = ["keyspace"];

    /// <summary>POST K/backups.</summary>
    public async Task BackupAsync(HttpContext context, Call call)
    {
        if (call.RefuseAnyQuery() is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        var response = context.Response;
        response.Headers.ContentType = KeyspaceBackups.MediaType;
        response.Headers.XContentTypeOptions = Headers.NoSniff;
        response.Headers.CacheControl = Headers.NoStore;
        response.Headers.ContentDisposition = $"attachment; filename=\"{call.Keyspace}.exapyte\"";
        var reply = await client.BackupAsync(call.Keyspace, response.BodyWriter, time, context.RequestAborted);
        if (reply.Kind == OutcomeKind.Ok)
        {
            return;
        }
        if (response.HasStarted)
        {
            // The archive lacks its trailer and the answer its end: whoever stores it sees both.
            throw new IOException($"The backup of '{call.Keyspace}' broke off: {reply.Detail}");
        }
        response.Clear();
        await problems.WriteAsync(
            context,
            reply.Kind == OutcomeKind.NoSuchKeyspace
                ? OutcomeProblems.NoSuchKeyspace(call.Keyspace)
                : OutcomeProblems.Of(reply.Kind, reply.Detail, repeatable: true)
        );
    }

    /// <summary>POST /v1/restores.</summary>
    public async Task RestoreAsync(HttpContext context, Call call)
    {
        var refusal =
            ReadName(call, out var keyspace)
            ?? AccessRules.JudgeRestore(call.Caller, keyspace)
            ?? RefuseBody(context.Request);
        if (refusal is not null)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        // An archive is as large as its keyspace; it is read as it comes and never held whole.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bound)
        {
            bound.MaxRequestBodySize = null;
        }
        var body = new CallersBody(context.Request.Body);
        var reply = await client.RestoreAsync(keyspace, body, time, context.RequestAborted);
        if (ProblemOf(reply) is { } problem)
        {
            await problems.WriteAsync(context, problem);
            return;
        }
        if (reply.Created)
        {
            var root = context.Request.PathBase.ToUriComponent();
            context.Response.Headers.Location = $"{root}/v1/keyspaces/{reply.Keyspace}";
        }
        await JsonAnswer.WriteAsync(
            context,
            reply.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK,
            new RestoreDocument(reply.Keyspace, reply.Created, reply.Entries, reply.Expired),
            GatewayJson.Relaxed.RestoreDocument
        );
    }

    private static Problem? ReadName(Call call, out string? keyspace)
    {
        keyspace = null;
        var values = new ParameterSlice[RestoreParameters.Length];
        if (QueryParameters.Read(call.Query, RestoreParameters, values) is { } refusal)
        {
            return refusal;
        }
        if (!values[0].IsPresent)
        {
            return null;
        }
        keyspace = values[0].TextIn(call.Query).ToString();
        return KeyspaceRules.IsName(keyspace)
            ? null
            : new(
                ProblemKinds.InvalidKeyspace,
                $"A keyspace's name is 1 to {KeyspaceRules.NameCharsMax} of a-z 0-9 - _ . with a letter or digit first."
            );
    }

    /// <summary>Its own media type is asked for, which a page of another origin cannot send.</summary>
    private static Problem? RefuseBody(HttpRequest request) =>
        request.Headers.ContentEncoding.Count > 0
            ? new(ProblemKinds.UnsupportedMediaType, "An archive must not have a Content-Encoding.")
        : !MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        || !type.MediaType.Equals(KeyspaceBackups.MediaType, StringComparison.OrdinalIgnoreCase)
            ? new(
                ProblemKinds.UnsupportedMediaType,
                $"The body must be an archive: send Content-Type: {KeyspaceBackups.MediaType}."
            )
        : null;

    private static Problem? ProblemOf(RestoreReply reply)
    {
        var left = reply.IsPartLeft
            ? $" The keyspace '{reply.Keyspace}' may be there, and a part of the archive in it: delete it first."
            : "";
        var detail = reply.Detail + left;
        return reply.Outcome switch
        {
            RestoreOutcome.Restored => null,
            RestoreOutcome.Damaged => new(ProblemKinds.InvalidBody, detail) { InDoubt = reply.IsPartLeft },
            RestoreOutcome.QuotaExceeded => new(ProblemKinds.QuotaExceeded, detail) { InDoubt = reply.IsPartLeft },
            RestoreOutcome.Conflict => new(ProblemKinds.KeyspaceConflict, detail),
            _ => new(ProblemKinds.Unavailable, detail) { InDoubt = reply.IsPartLeft, Retryable = !reply.IsPartLeft },
        };
    }
}
