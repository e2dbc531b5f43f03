using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Quotas;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Judges the puts of one batch by the keyspace's quota, one after the other, before anything is stored. Where it was full a
/// moment ago all replicas are asked first. Of batches under way at one time none sees what the others are about to put.
/// </summary>
internal sealed class QuotaCheck
{
    private static readonly OperationOutcome Beyond = OperationOutcome.Of(
        OutcomeKind.QuotaExceeded,
        AppliedWrite.QuotaDetail
    );

    private readonly ReplicaContext context;
    private readonly Usage limits;
    private Usage held;

    private QuotaCheck(ReplicaContext context, Usage held, Usage limits)
    {
        this.context = context;
        this.held = held;
        this.limits = limits;
    }

    /// <summary>A check of the batch's puts at these positions; null where the keyspace has no quota.</summary>
    public static async ValueTask<QuotaCheck?> Of(
        ReplicaContext context,
        KeyspaceMap map,
        OperationBatch batch,
        List<int> at
    )
    {
        if (map.Settings.Quota is null)
        {
            return null;
        }
        var wanted = Usages.PutBy(at.Select(i => batch.Operations[i]));
        var now = context.Local.Usage.At(context.NowMs).GetValueOrDefault();
        if (wanted == default)
        {
            return new(context, now, new(long.MaxValue, long.MaxValue));
        }
        var allowance = await context.Node.Quotas.LimitsOf(map, context.Identity.ShardId, now, wanted);
        return new(context, allowance.Held, allowance.Limits);
    }

    /// <summary>The refusal of an operation that there is no room for; null where it may be done, and counts.</summary>
    public OperationOutcome? Refuse(Operation operation)
    {
        var before =
            context.Local.Store.TryGet(operation.Key.Span, out var entry) && entry.IsLive(context.NowMs)
                ? new Usage(1, operation.Key.Length + entry.Value.Length)
                : default;
        var after = operation.Kind == OperationKind.Put ? Usages.Of(operation) : default;
        var delta = after - before;
        if (
            (delta.Entries > 0 && held.Entries + delta.Entries > limits.Entries)
            || (delta.Bytes > 0 && held.Bytes + delta.Bytes > limits.Bytes)
        )
        {
            return Beyond;
        }
        held += delta;
        return null;
    }
}
