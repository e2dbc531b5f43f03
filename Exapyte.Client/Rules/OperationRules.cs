using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Rules;

/// <summary>What an operation must be, judged before anything is sent. All reasons are given at once.</summary>
internal static class OperationRules
{
    /// <summary>Why the keyspace cannot take the operation; null where it can.</summary>
    public static string? ReasonsAgainst(KeyspaceSettings settings, Operation operation)
    {
        if (IsPlain(settings, operation))
        {
            return null;
        }
        List<string> reasons = [];
        AddKeyAndValue(reasons, operation);
        if (operation.Kind is < OperationKind.Get or > OperationKind.Merge)
        {
            reasons.Add($"Kind {(int)operation.Kind} is unknown.");
        }
        else if (operation.IsWrite)
        {
            AddWrite(reasons, settings.Replication, operation);
        }
        else
        {
            AddRead(reasons, settings.Replication, operation);
        }
        return reasons.Count == 0 ? null : string.Join(' ', reasons);
    }

    /// <summary>Why the operations cannot be one atomic batch; null where they can, as far as this can tell.</summary>
    public static string? ReasonsAgainstAtomic(KeyspaceMap map, IReadOnlyList<Operation> operations)
    {
        if (map.Settings.Replication != ReplicationKind.Raft)
        {
            return "An atomic batch goes with raft keyspaces only.";
        }
        var shard = map.ShardIndexOf(operations[0].Key.Span);
        long bytes = 0;
        foreach (var operation in operations)
        {
            bytes += operation.Key.Length + operation.Value.Length;
            if (map.ShardIndexOf(operation.Key.Span) != shard)
            {
                return "An atomic batch must lie in one shard: "
                    + (
                        map.IsRange
                            ? "in a range keyspace these are keys with no shard's start between them."
                            : "choose a partitionDelimiter for the keyspace, so that related keys share one."
                    );
            }
        }
        return operations.Count > 1 && bytes > Limits.WireBatchBytesMax
            ? $"An atomic batch holds at most {Limits.WireBatchBytesMax} bytes of keys and values, not {bytes}."
            : null;
    }

    /// <summary>Most operations are: judged without allocating.</summary>
    private static bool IsPlain(KeyspaceSettings settings, Operation operation)
    {
        if (
            operation.Key.Length is 0 or > Limits.KeyBytesMax
            || operation.Condition is not null
            || operation.RequestId is not null
        )
        {
            return false;
        }
        return operation.Kind switch
        {
            OperationKind.Get or OperationKind.Head => operation.Level != ConsistencyLevel.Bounded
                && ConsistencyPolicy.OfRead(settings.Replication, operation.Level) is not null,
            OperationKind.Put => operation.Value.Length <= Limits.ValueBytesMax
                && IsLifetime(operation)
                && operation.ContentType is { Length: <= Limits.ContentTypeCharsMax }
                && ConsistencyPolicy.OfWrite(settings.Replication, operation.Level) is not null,
            OperationKind.Delete => ConsistencyPolicy.OfWrite(settings.Replication, operation.Level) is not null,
            _ => false,
        };
    }

    private static bool IsLifetime(Operation operation) =>
        operation.ExpiresAtMs == 0
            ? operation.TtlMs is >= Operation.NeverExpires and <= Limits.TtlMsMax
            : operation.TtlMs == 0 && operation.ExpiresAtMs is > 0 and <= Limits.ExpiresAtMsMax;

    private static void AddKeyAndValue(List<string> reasons, Operation operation)
    {
        if (operation.Key.Length is 0 or > Limits.KeyBytesMax)
        {
            reasons.Add($"The key must be 1 to {Limits.KeyBytesMax} bytes, not {operation.Key.Length}.");
        }
        if (operation.Value.Length > Limits.ValueBytesMax)
        {
            reasons.Add($"The value must be at most {Limits.ValueBytesMax} bytes, not {operation.Value.Length}.");
        }
        if (operation.ContentType is not { Length: <= Limits.ContentTypeCharsMax })
        {
            reasons.Add($"The content type must be at most {Limits.ContentTypeCharsMax} characters.");
        }
    }

    private static void AddWrite(List<string> reasons, ReplicationKind replication, Operation operation)
    {
        if (!IsLifetime(operation))
        {
            reasons.Add(
                $"The lifetime must be 1 to {Limits.TtlMsMax} milliseconds, not {operation.TtlMs}; or the end a moment up to "
                    + $"{Limits.ExpiresAtMsMax}, not {operation.ExpiresAtMs}; not both."
            );
        }
        if (ConsistencyPolicy.ReasonAgainst(replication, isWrite: true, operation.Level) is { } level)
        {
            reasons.Add(level);
        }
        if (operation.RequestId is { Length: 0 or > Limits.RequestIdCharsMax })
        {
            reasons.Add($"The request id must be 1 to {Limits.RequestIdCharsMax} characters.");
        }
        if (replication == ReplicationKind.Raft)
        {
            return;
        }
        if (operation.IsChange)
        {
            reasons.Add(
                "An increment or a merge patch goes with raft keyspaces only: in a leaderless one there is no place where all "
                    + "writes of an entry meet."
            );
        }
        if (operation.RequestId is not null)
        {
            reasons.Add("A request id goes with raft keyspaces only.");
        }
        if (operation.Condition is { Kind: not ConditionKind.None })
        {
            reasons.Add("A conditional write goes with raft keyspaces only.");
        }
    }

    private static void AddRead(List<string> reasons, ReplicationKind replication, Operation operation)
    {
        if (ConsistencyPolicy.ReasonAgainst(replication, isWrite: false, operation.Level) is { } level)
        {
            reasons.Add(level);
        }
        if (operation.Level == ConsistencyLevel.Bounded && operation.MaxStalenessMs <= 0)
        {
            reasons.Add("Level bounded needs a greatest staleness of at least 1 millisecond.");
        }
        if (operation.Condition is { Kind: not ConditionKind.None })
        {
            reasons.Add("A condition goes with writes only.");
        }
    }
}
