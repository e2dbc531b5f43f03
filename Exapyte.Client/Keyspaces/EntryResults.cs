namespace Exapyte.Client;

/// <summary>How a read ended.</summary>
/// <typeparam name="T">What the value is read as.</typeparam>
/// <param name="Status">How it ended.</param>
/// <param name="Entry">The entry, where <paramref name="Status"/> is <see cref="EntryStatus.Ok"/>; else null.</param>
/// <param name="Detail">A sentence for a person, where it is neither there nor absent.</param>
public readonly record struct ReadResult<T>(EntryStatus Status, Entry<T>? Entry, string? Detail)
{
    /// <summary>The entry; null where there is none.</summary>
    /// <exception cref="ExapyteException">Neither was found out.</exception>
    public Entry<T>? EntryOrThrow() =>
        Status is EntryStatus.Ok or EntryStatus.NotFound ? Entry : throw ExapyteException.Of(Status, Detail, default);
}

/// <summary>How a write ended.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Version">
/// The version written; where the condition was not met the current one, none where there is no entry.
/// </param>
/// <param name="Changed">Of a put: the key had no entry before. Of a delete: it had one.</param>
/// <param name="Detail">A sentence for a person, where it was not done.</param>
public readonly record struct WriteResult(EntryStatus Status, EntryVersion Version, bool Changed, string? Detail)
{
    /// <summary>Of an increment in a batch: the number that the entry is now; else null.</summary>
    public long? Number { get; init; }

    /// <summary>Whether it was done.</summary>
    public bool IsOk => Status == EntryStatus.Ok;

    /// <summary>The result of a write that was done.</summary>
    /// <exception cref="ExapyteException">It was not, or nobody knows.</exception>
    public WriteResult ResultOrThrow() => IsOk ? this : throw ExapyteException.Of(Status, Detail, Version);
}
