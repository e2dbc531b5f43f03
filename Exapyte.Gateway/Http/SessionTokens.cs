using Exapyte.Client;
using Exapyte.Gateway.Listing;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;

namespace Exapyte.Gateway.Http;

/// <summary>
/// <c>Exapyte-Session</c>: what a line of work has seen, as signed text (<see cref="TokenSigner"/>). A request may bring it; the
/// answer to a write and to a read at level session holds what the request brought and what it has seen. Thread-safe.
/// </summary>
internal sealed class SessionTokens(TokenSigner signer)
{
    /// <summary>No keyspace's name, so that a cursor is no session. A session is of several keyspaces.</summary>
    private const string Scope = "/session";

    private const string Forged =
        $"{Headers.Session} was not made by this cluster, or was changed: send what an earlier answer gave, or leave it out.";

    /// <summary>
    /// The call with its session: what the request brings, a new one for what may write, else none. The problem where what it
    /// brings is refused.
    /// </summary>
    public Problem? Begin(HttpContext context, ref Call call)
    {
        if (call.Keyspace.Length == 0)
        {
            return null;
        }
        if (SingleHeader.Read(context.Request.Headers[Headers.Session], Headers.Session, out var text) is { } repeated)
        {
            return repeated;
        }
        if (text is null)
        {
            var mayWrite = !HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method);
            call = mayWrite ? call.In(New(context)) : call;
            return null;
        }
        if (!signer.TryRead(Scope, text, out var bytes) || !ClientSession.TryRead(bytes, out var session))
        {
            return new(ProblemKinds.InvalidHeader, Forged);
        }
        call = call.In(AnswerWith(context, session));
        return null;
    }

    /// <summary>The session that a read at this level takes part in; null where it does not.</summary>
    public ClientSession? OfRead(HttpContext context, in Call call, ConsistencyLevel level) =>
        level == ConsistencyLevel.Session ? call.Session ?? New(context) : null;

    /// <summary>The token; null where nothing was seen.</summary>
    public string? TextOf(ClientSession? session) =>
        session is { IsEmpty: false } ? signer.Write(Scope, session.ToBytes()) : null;

    private ClientSession New(HttpContext context) => AnswerWith(context, new());

    private ClientSession AnswerWith(HttpContext context, ClientSession session)
    {
        context.Response.OnStarting(
            static state =>
            {
                var (tokens, response, session) = ((SessionTokens, HttpResponse, ClientSession))state;
                if (tokens.TextOf(session) is { } text)
                {
                    response.Headers[Headers.Session] = text;
                }
                return Task.CompletedTask;
            },
            (this, context.Response, session)
        );
        return session;
    }
}
