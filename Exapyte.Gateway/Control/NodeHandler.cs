using Exapyte.Client;
using Exapyte.Client.Administration;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Wire;

namespace Exapyte.Gateway.Control;

/// <summary>The cluster's nodes: the list of them, and how they go.</summary>
internal sealed class NodeHandler(IExapyteClient client, INodeAdministration? nodes, ProblemWriter problems)
{
    private static readonly string[] RemovalParameters = ["force"];

    /// <summary>GET /v1/nodes; what the cluster was last known as where the control plane is out of reach.</summary>
    public async Task ListAsync(HttpContext context, Call call)
    {
        if (call.RefuseAnyQuery() is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        var report = nodes is null ? null : await nodes.ReportAsync(context.RequestAborted);
        await JsonAnswer.WriteAsync(
            context,
            StatusCodes.Status200OK,
            report is null
                ? NodesDocument.Of(await client.GetTopologyAsync(context.RequestAborted))
                : NodesDocument.Of(report),
            GatewayJson.Relaxed.NodesDocument
        );
    }

    /// <summary>POST /v1/nodes/{id}/drain: what the node holds goes elsewhere, which takes its time.</summary>
    public Task DrainAsync(HttpContext context, Call call) =>
        CommandAsync(
            context,
            call,
            call.RefuseAnyQuery(),
            StatusCodes.Status202Accepted,
            // A command that was sent is carried out, whether or not its caller waits for the answer.
            administration => administration.DrainAsync(call.Id, CancellationToken.None)
        );

    /// <summary>POST /v1/nodes/{id}/resume.</summary>
    public Task ResumeAsync(HttpContext context, Call call) =>
        CommandAsync(
            context,
            call,
            call.RefuseAnyQuery(),
            StatusCodes.Status200OK,
            administration => administration.ResumeAsync(call.Id, CancellationToken.None)
        );

    /// <summary>DELETE /v1/nodes/{id}?force.</summary>
    public Task RemoveAsync(HttpContext context, Call call)
    {
        Span<ParameterSlice> values = stackalloc ParameterSlice[RemovalParameters.Length];
        var refusal = QueryParameters.Read(call.Query, RemovalParameters, values);
        var force = QueryParameters.FlagIn(values[0], call.Query);
        refusal ??= force is null
            ? new(ProblemKinds.InvalidQuery, "force is true or false; alone it means true.")
            : null;
        return CommandAsync(
            context,
            call,
            refusal,
            StatusCodes.Status204NoContent,
            administration => administration.RemoveAsync(call.Id, force!.Value, CancellationToken.None)
        );
    }

    private async Task CommandAsync(
        HttpContext context,
        Call call,
        Problem? refusal,
        int status,
        Func<INodeAdministration, Task<NodeReply>> command
    )
    {
        refusal ??= nodes is null
            ? new(ProblemKinds.NotApplicable, "No nodes are kept where this gateway runs.")
            : null;
        refusal ??= ProblemOf(await command(nodes!), call.Id);
        if (refusal is not null)
        {
            await problems.WriteAsync(context, refusal);
        }
        else if (status == StatusCodes.Status204NoContent)
        {
            context.Response.StatusCode = status;
        }
        else
        {
            await JsonAnswer.WriteAsync(
                context,
                status,
                new NodeCommandDocument(call.Id, status == StatusCodes.Status202Accepted),
                GatewayJson.Relaxed.NodeCommandDocument
            );
        }
    }

    private static Problem? ProblemOf(NodeReply reply, string id) =>
        reply.Outcome switch
        {
            NodeOutcome.Ok => null,
            NodeOutcome.NotFound => new(ProblemKinds.NoSuchNode, $"There is no node '{id}'. GET /v1/nodes lists them."),
            NodeOutcome.Conflict => OutcomeProblems.WithReasons(ProblemKinds.NodeConflict, reply.Reasons),
            NodeOutcome.Unavailable => OutcomeProblems.WithReasons(ProblemKinds.Unavailable, reply.Reasons) with
            {
                // Commands on nodes are idempotent.
                InDoubt = reply.InDoubt,
            },
            _ => throw new InvalidOperationException($"No command on a node ends as {reply.Outcome}."),
        };
}
