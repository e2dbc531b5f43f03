namespace Exapyte.Operations;

/// <summary>What a conditional write asks of the present entry.</summary>
public enum ConditionKind : byte
{
    /// <summary>Nothing: the write always applies.</summary>
    None = 0,

    /// <summary>The entry must be absent (<c>If-None-Match: *</c>).</summary>
    Absent = 1,

    /// <summary>The entry must be present, at any version (<c>If-Match: *</c>).</summary>
    Present = 2,

    /// <summary>The entry must be present at one of the versions (<c>If-Match: "v", ...</c>).</summary>
    AnyOf = 3,

    /// <summary>The entry must be absent or at none of the versions (<c>If-None-Match: "v", ...</c>).</summary>
    NoneOf = 4,
}

/// <summary>The condition of a write. Immutable; judged where the write is applied, against the entry as it is there.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.condition")]
public sealed class WriteCondition
{
    /// <summary>The entry must be absent.</summary>
    public static readonly WriteCondition IfAbsent = new(ConditionKind.Absent, []);

    /// <summary>The entry must be present.</summary>
    public static readonly WriteCondition IfPresent = new(ConditionKind.Present, []);

    /// <summary>Creates a condition over the given versions (empty unless AnyOf or NoneOf).</summary>
    public WriteCondition(ConditionKind kind, VersionStamp[] versions)
    {
        Kind = kind;
        Versions = versions;
    }

    /// <summary>What is asked.</summary>
    [Id(0)]
    public ConditionKind Kind { get; }

    /// <summary>The versions of <see cref="ConditionKind.AnyOf"/> and <see cref="ConditionKind.NoneOf"/>.</summary>
    [Id(1)]
    public VersionStamp[] Versions { get; }

    /// <summary>The entry must be at exactly this version.</summary>
    public static WriteCondition IfVersion(VersionStamp version) => new(ConditionKind.AnyOf, [version]);

    /// <summary>Whether an entry at <paramref name="current"/> (none where absent) meets the condition.</summary>
    public bool IsMetBy(VersionStamp current) =>
        Kind switch
        {
            ConditionKind.Absent => current.IsNone,
            ConditionKind.Present => !current.IsNone,
            ConditionKind.AnyOf => !current.IsNone && Array.IndexOf(Versions, current) >= 0,
            ConditionKind.NoneOf => current.IsNone || Array.IndexOf(Versions, current) < 0,
            _ => true,
        };
}
