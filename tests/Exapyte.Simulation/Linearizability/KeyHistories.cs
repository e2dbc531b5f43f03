using System.Text;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Operations;
using Exapyte.Simulation.Clients;
using Exapyte.Testing.Linearizability;

namespace Exapyte.Simulation.Linearizability;

/// <summary>What callers saw, key by key: a history is linearizable if that of each of its keys is.</summary>
internal sealed class KeyHistories
{
    private readonly SortedDictionary<string, List<Seen>> histories = new(StringComparer.Ordinal);
    private readonly Dictionary<ulong, ulong> valueOf = [];
    private readonly Dictionary<string, ulong> lastRevision = new(StringComparer.Ordinal);
    private readonly LinearizabilityChecker checker = new();
    private readonly HashSet<(string Key, long Number)> counted = [];

    /// <summary>An operation, and the revision that it met, whose value may only be learned later.</summary>
    private readonly record struct Seen(KeyOperation Operation, ulong MetRevision, ulong ConditionRevision);

    /// <summary>The version that was last seen of a key.</summary>
    public VersionStamp? LastVersionOf(ReadOnlyMemory<byte> key) =>
        lastRevision.TryGetValue(NameOf(key), out var revision) ? new(revision) : null;

    /// <summary>A read was answered.</summary>
    public void Read(ClientOperation operation, OperationOutcome outcome, long endedAt)
    {
        var name = NameOf(operation.Operations[0].Key);
        var value = outcome.Kind == OutcomeKind.Ok ? ValueOf(outcome.Value) : 0;
        if (value != 0)
        {
            Learn(name, outcome.Version, value);
        }
        Add(
            name,
            new(
                new()
                {
                    BeganAt = operation.BeganAt,
                    EndedAt = endedAt,
                    Kind = KeyOperationKind.Read,
                    Met = KeyMet.Value,
                    MetValue = value,
                },
                0,
                0
            )
        );
    }

    /// <summary>Writes were answered.</summary>
    public void Written(ClientOperation operation, AppliedWrite[] outcomes, long endedAt)
    {
        if (operation.Atomic && Array.Exists(outcomes, outcome => outcome.Kind != OutcomeKind.Ok))
        {
            // None of them happened, and what each would have met was never the state of any key.
            return;
        }
        for (var i = 0; i < outcomes.Length; i++)
        {
            Written(operation, operation.Operations[i], outcomes[i], endedAt);
        }
    }

    /// <summary>Nobody can tell whether the writes happen.</summary>
    public void Unknown(ClientOperation operation)
    {
        foreach (var write in operation.Operations.Where(write => write.Kind != OperationKind.Increment))
        {
            Add(NameOf(write.Key), Of(write, operation.BeganAt, long.MaxValue, KeyOutcome.Unknown, KeyMet.Anything, 0));
        }
    }

    /// <summary>The first key whose history has no explanation, with that history; null if all have one.</summary>
    public string? FindFault(out int undecided)
    {
        undecided = 0;
        foreach (var (name, history) in histories)
        {
            var operations = history.ConvertAll(Resolve);
            var verdict = checker.Check(operations);
            if (verdict == LinearizabilityVerdict.NotLinearizable)
            {
                return $"{name}: {string.Join("; ", operations)}";
            }
            undecided += verdict == LinearizabilityVerdict.Undecided ? 1 : 0;
        }
        return null;
    }

    private void Written(ClientOperation operation, Operation write, in AppliedWrite outcome, long endedAt)
    {
        var name = NameOf(write.Key);
        if (outcome.Kind == OutcomeKind.WrongShard)
        {
            // Nothing happened.
            return;
        }
        if (outcome.Kind == OutcomeKind.PreconditionFailed)
        {
            var met = outcome.Version.IsNone ? KeyMet.Absent : KeyMet.Present;
            Add(name, Of(write, operation.BeganAt, endedAt, KeyOutcome.ConditionFailed, met, outcome.Version.Revision));
            return;
        }
        if (outcome.Kind != OutcomeKind.Ok)
        {
            throw new ViolationException("answer-differs", $"a write of {name} ended as {outcome.Kind}");
        }
        if (write.Kind == OperationKind.Increment)
        {
            Counted(name, outcome);
            return;
        }
        var isDelete = write.Kind == OperationKind.Delete;
        if (!isDelete)
        {
            Learn(name, outcome.Version, ValueOf(write.Value));
        }
        var wasThere = isDelete ? outcome.Changed : !outcome.Changed;
        Add(
            name,
            Of(
                write,
                operation.BeganAt,
                endedAt,
                KeyOutcome.Done,
                wasThere ? KeyMet.Present : KeyMet.Absent,
                metRevision: 0
            )
        );
    }

    /// <summary>An increment was answered. What was remembered of one without a fingerprint tells no number.</summary>
    private void Counted(string name, in AppliedWrite outcome)
    {
        if (outcome.Number is { } number && !counted.Add((name, number)))
        {
            throw new ViolationException("counted-twice", $"two increments of {name} were answered {number}");
        }
    }

    private void Learn(string name, VersionStamp version, ulong value)
    {
        valueOf[version.Revision] = value;
        lastRevision[name] = version.Revision;
    }

    private void Add(string name, in Seen seen)
    {
        // Entries that expire do so by a clock: their histories are not those of a register.
        if (name[0] != 'k')
        {
            return;
        }
        if (!histories.TryGetValue(name, out var history))
        {
            histories[name] = history = [];
        }
        history.Add(seen);
    }

    private static Seen Of(
        Operation write,
        long beganAt,
        long endedAt,
        KeyOutcome outcome,
        KeyMet met,
        ulong metRevision
    ) =>
        new(
            new()
            {
                BeganAt = beganAt,
                EndedAt = endedAt,
                Kind = KeyOperationKind.Write,
                Outcome = outcome,
                Value = write.Kind == OperationKind.Delete ? 0 : ValueOf(write.Value),
                Condition = write.Condition?.Kind switch
                {
                    null => KeyCondition.None,
                    ConditionKind.Absent => KeyCondition.Absent,
                    ConditionKind.Present => KeyCondition.Present,
                    _ => KeyCondition.Is,
                },
                Met = met,
            },
            metRevision,
            write.Condition?.Kind == ConditionKind.AnyOf ? write.Condition.Versions[0].Revision : 0
        );

    private KeyOperation Resolve(Seen seen)
    {
        var operation = seen.Operation;
        if (seen.MetRevision != 0 && valueOf.TryGetValue(seen.MetRevision, out var met))
        {
            operation = operation with { Met = KeyMet.Value, MetValue = met };
        }
        return seen.ConditionRevision == 0
            ? operation
            : operation with
            {
                ConditionValue = valueOf[seen.ConditionRevision],
            };
    }

    private static string NameOf(ReadOnlyMemory<byte> key) => Encoding.UTF8.GetString(key.Span);

    private static ulong ValueOf(ReadOnlyMemory<byte> value) => BitConverter.ToUInt64(value.Span);
}
