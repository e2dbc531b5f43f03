using System.Globalization;
using Exapyte.Client.Administration;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Gateway.Control;

/// <summary>Rebalances of the cluster: planned, begun, shown, cancelled.</summary>
internal sealed class RebalanceHandler(IRebalanceAdministration? rebalances, ProblemWriter problems)
{
    private static readonly string[] StartParameters = ["dryRun"];

    /// <summary>GET, HEAD and POST /v1/rebalances.</summary>
    public Task AllAsync(HttpContext context, Call call) =>
        HttpMethods.IsPost(context.Request.Method) ? StartAsync(context, call) : ListAsync(context, call);

    /// <summary>GET, HEAD and DELETE /v1/rebalances/{id}.</summary>
    public async Task OneAsync(HttpContext context, Call call)
    {
        var cancels = HttpMethods.IsDelete(context.Request.Method);
        if (
            await CallAsync(
                context,
                call.RefuseAnyQuery(),
                administration =>
                    !long.TryParse(call.Id, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                        ? Task.FromResult(NotFound(call.Id))
                    // A command that was sent is carried out, whether or not its caller waits for the answer.
                    : cancels ? administration.CancelAsync(id, CancellationToken.None)
                    : administration.GetAsync(id, context.RequestAborted)
            )
            is not { } reply
        )
        {
            return;
        }
        if (cancels)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }
        await JsonAnswer.WriteAsync(
            context,
            StatusCodes.Status200OK,
            RebalanceDocument.Of(reply.Rebalances[0]),
            GatewayJson.Relaxed.RebalanceDocument
        );
    }

    private async Task ListAsync(HttpContext context, Call call)
    {
        if (await CallAsync(context, call.RefuseAnyQuery(), one => one.ListAsync(context.RequestAborted)) is { } reply)
        {
            await JsonAnswer.WriteAsync(
                context,
                StatusCodes.Status200OK,
                new RebalancesDocument(Array.ConvertAll(reply.Rebalances, RebalanceDocument.Of)),
                GatewayJson.Relaxed.RebalancesDocument
            );
        }
    }

    private async Task StartAsync(HttpContext context, Call call)
    {
        var refusal = ReadDryRun(call, out var dryRun);
        var reply = await CallAsync(
            context,
            refusal,
            administration =>
                dryRun
                    ? administration.PlanAsync(context.RequestAborted)
                    : administration.StartAsync(CancellationToken.None)
        );
        if (reply is null)
        {
            return;
        }
        if (dryRun)
        {
            await JsonAnswer.WriteAsync(
                context,
                StatusCodes.Status200OK,
                RebalancePlanDocument.Of(reply.Plan ?? new()),
                GatewayJson.Relaxed.RebalancePlanDocument
            );
            return;
        }
        var begun = reply.Rebalances[0];
        context.Response.Headers.Location = LocationOf(context, begun);
        await JsonAnswer.WriteAsync(
            context,
            StatusCodes.Status202Accepted,
            new RebalanceBegunDocument(RebalanceDocument.IdOf(begun)),
            GatewayJson.Relaxed.RebalanceBegunDocument
        );
    }

    private static Problem? ReadDryRun(Call call, out bool dryRun)
    {
        Span<ParameterSlice> values = stackalloc ParameterSlice[StartParameters.Length];
        var refusal = QueryParameters.Read(call.Query, StartParameters, values);
        var wanted = QueryParameters.FlagIn(values[0], call.Query);
        dryRun = wanted ?? true;
        return refusal
            ?? (
                wanted is null ? new(ProblemKinds.InvalidQuery, "dryRun is true or false; alone it means true.") : null
            );
    }

    /// <summary>The answer; null where the call was refused, which has been answered then.</summary>
    private async Task<RebalanceReply?> CallAsync(
        HttpContext context,
        Problem? refusal,
        Func<IRebalanceAdministration, Task<RebalanceReply>> call
    )
    {
        refusal ??= rebalances is null
            ? new(ProblemKinds.NotApplicable, "No nodes are kept where this gateway runs.")
            : null;
        var reply = refusal is null ? await call(rebalances!) : null;
        refusal ??= ProblemOf(reply!);
        if (refusal is null)
        {
            return reply;
        }
        if (reply is { Outcome: RebalanceOutcome.Conflict, Rebalances: [var inTheWay, ..] })
        {
            context.Response.Headers.Location = LocationOf(context, inTheWay);
        }
        await problems.WriteAsync(context, refusal);
        return null;
    }

    private static string LocationOf(HttpContext context, Rebalance rebalance) =>
        $"{context.Request.PathBase.ToUriComponent()}/v1/rebalances/{RebalanceDocument.IdOf(rebalance)}";

    private static RebalanceReply NotFound(string id) =>
        new() { Outcome = RebalanceOutcome.NotFound, Reasons = [$"There is no rebalance '{id}'."] };

    private static Problem? ProblemOf(RebalanceReply reply) =>
        reply.Outcome switch
        {
            RebalanceOutcome.Ok => null,
            RebalanceOutcome.NotFound => new(
                ProblemKinds.NoSuchRebalance,
                string.Join(' ', reply.Reasons) + " GET /v1/rebalances lists them."
            ),
            RebalanceOutcome.Conflict => OutcomeProblems.WithReasons(ProblemKinds.RebalanceConflict, reply.Reasons),
            RebalanceOutcome.Unavailable => OutcomeProblems.WithReasons(ProblemKinds.Unavailable, reply.Reasons) with
            {
                InDoubt = reply.InDoubt,
            },
            _ => throw new InvalidOperationException($"No call about rebalances ends as {reply.Outcome}."),
        };
}
