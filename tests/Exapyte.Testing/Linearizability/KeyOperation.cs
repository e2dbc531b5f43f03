namespace Exapyte.Testing.Linearizability;

/// <summary>What an operation on one key asks of the key's state.</summary>
public enum KeyOperationKind : byte
{
    Read,
    Write,
}

/// <summary>What a write needs to find.</summary>
public enum KeyCondition : byte
{
    None,
    Absent,
    Present,
    Is,
}

/// <summary>How an operation ended.</summary>
public enum KeyOutcome : byte
{
    /// <summary>It was done, at some moment between its begin and its end.</summary>
    Done,

    /// <summary>Its condition did not hold at some moment between its begin and its end.</summary>
    ConditionFailed,

    /// <summary>It was done at some moment after its begin, or will be, or never.</summary>
    Unknown,
}

/// <summary>What is known of the state that an operation met.</summary>
public enum KeyMet : byte
{
    Anything,
    Absent,
    Present,
    Value,
}

/// <summary>
/// One operation on one key as its caller saw it. The state of a key is the number of the value it holds, 0 for none;
/// every write has a value of its own.
/// </summary>
public readonly record struct KeyOperation
{
    public required long BeganAt { get; init; }

    /// <summary><see cref="long.MaxValue"/> where no answer came.</summary>
    public required long EndedAt { get; init; }

    public required KeyOperationKind Kind { get; init; }

    public KeyOutcome Outcome { get; init; }

    /// <summary>What a write leaves behind; 0: nothing.</summary>
    public ulong Value { get; init; }

    public KeyCondition Condition { get; init; }

    /// <summary>The value that <see cref="KeyCondition.Is"/> asks for.</summary>
    public ulong ConditionValue { get; init; }

    public KeyMet Met { get; init; }

    /// <summary>The value of <see cref="KeyMet.Value"/>.</summary>
    public ulong MetValue { get; init; }

    /// <summary>Whether the operation can take place on a state, and the state after it.</summary>
    public bool TryStep(ulong state, out ulong after)
    {
        after = state;
        if (!MetHolds(state))
        {
            return false;
        }
        if (Kind == KeyOperationKind.Read)
        {
            return true;
        }
        var holds = ConditionHolds(state);
        if (Outcome == KeyOutcome.ConditionFailed)
        {
            return !holds;
        }
        after = holds ? Value : state;
        return holds || Outcome == KeyOutcome.Unknown;
    }

    private bool MetHolds(ulong state) =>
        Met switch
        {
            KeyMet.Absent => state == 0,
            KeyMet.Present => state != 0,
            KeyMet.Value => state == MetValue,
            _ => true,
        };

    private bool ConditionHolds(ulong state) =>
        Condition switch
        {
            KeyCondition.Absent => state == 0,
            KeyCondition.Present => state != 0,
            KeyCondition.Is => state == ConditionValue,
            _ => true,
        };
}
