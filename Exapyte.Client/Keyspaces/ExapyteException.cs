namespace Exapyte.Client;

/// <summary>A call did not do what it was asked for. The type says why, and whether anything may have changed.</summary>
public class ExapyteException : Exception
{
    internal ExapyteException(EntryStatus status, string message)
        : base(message) => Status = status;

    /// <summary>How the call ended.</summary>
    public EntryStatus Status { get; }

    /// <summary>Whether the write may have happened: everywhere else nothing has changed.</summary>
    public bool IsInDoubt => Status == EntryStatus.OutcomeUnknown;

    /// <summary>Whether the same call may succeed later.</summary>
    public bool IsRetryable =>
        Status
            is EntryStatus.Unavailable
                or EntryStatus.Overloaded
                or EntryStatus.StorageFull
                or EntryStatus.OutcomeUnknown;

    internal static ExapyteException Of(EntryStatus status, string? detail, EntryVersion current)
    {
        var message = detail ?? $"The call ended with {status}.";
        return status switch
        {
            EntryStatus.PreconditionFailed => new PreconditionFailedException(detail, current),
            EntryStatus.OutcomeUnknown => new OutcomeUnknownException(message),
            EntryStatus.NoSuchKeyspace => new KeyspaceNotFoundException(message),
            EntryStatus.Unavailable => new UnavailableException(message),
            EntryStatus.Overloaded => new OverloadedException(message),
            EntryStatus.Invalid => new InvalidRequestException(message),
            EntryStatus.ChangesCompacted => new ChangesCompactedException(message),
            EntryStatus.StorageFull
            or EntryStatus.QuotaExceeded
            or EntryStatus.RequestIdReused
            or EntryStatus.NotApplicable
            or EntryStatus.NotModified => new ExapyteException(status, message),
            _ => throw new InvalidOperationException($"{status} is no failure."),
        };
    }
}

/// <summary>The condition of a write was not met; nothing changed.</summary>
public sealed class PreconditionFailedException : ExapyteException
{
    internal PreconditionFailedException(string? detail, EntryVersion current)
        : base(
            EntryStatus.PreconditionFailed,
            detail ?? (current.IsNone ? "There is no entry." : $"The entry is at version {current}.")
        ) => CurrentVersion = current;

    /// <summary>The entry's version as the write met it; none where there is no entry.</summary>
    public EntryVersion CurrentVersion { get; }
}

/// <summary>The write was sent and no answer came: it may or may not have happened. Read the entry to find out.</summary>
public sealed class OutcomeUnknownException : ExapyteException
{
    internal OutcomeUnknownException(string message)
        : base(EntryStatus.OutcomeUnknown, message) { }
}

/// <summary>There is no such keyspace.</summary>
public sealed class KeyspaceNotFoundException : ExapyteException
{
    internal KeyspaceNotFoundException(string message)
        : base(EntryStatus.NoSuchKeyspace, message) { }
}

/// <summary>No replica could serve the call in time; nothing changed.</summary>
public sealed class UnavailableException : ExapyteException
{
    internal UnavailableException(string message)
        : base(EntryStatus.Unavailable, message) { }
}

/// <summary>More was asked than the cluster takes; nothing changed. Try again later.</summary>
public sealed class OverloadedException : ExapyteException
{
    internal OverloadedException(string message)
        : base(EntryStatus.Overloaded, message) { }
}

/// <summary>The call is not acceptable as it stands; nothing changed. The message says why.</summary>
public sealed class InvalidRequestException : ExapyteException
{
    internal InvalidRequestException(string message)
        : base(EntryStatus.Invalid, message) { }
}

/// <summary>
/// Changes behind the token are not kept any more, or its shards are gone: list the entries, and watch on from a new token.
/// </summary>
public sealed class ChangesCompactedException : ExapyteException
{
    internal ChangesCompactedException(string message)
        : base(EntryStatus.ChangesCompacted, message) { }
}
