namespace Exapyte.Gateway.Problems;

/// <summary>A kind of refusal: what stays the same however often it happens.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">What a program switches on. Never renamed.</param>
/// <param name="Title">The kind in a few words, for a person.</param>
/// <param name="Retryable">Whether the same request may succeed later and is safe to send again.</param>
internal sealed record ProblemKind(int Status, string Code, string Title, bool Retryable = false)
{
    /// <summary>The RFC 9457 type.</summary>
    public string Type { get; } = "urn:exapyte:problem:" + Code;
}

/// <summary>Every kind of refusal that the gateway knows.</summary>
internal static class ProblemKinds
{
    public static readonly ProblemKind InvalidRequest = new(400, "invalid-request", "The request cannot be read.");
    public static readonly ProblemKind InvalidTarget = new(
        400,
        "invalid-target",
        "The request target is not acceptable."
    );
    public static readonly ProblemKind InvalidKey = new(400, "invalid-key", "The key is not acceptable.");
    public static readonly ProblemKind InvalidQuery = new(400, "invalid-query", "A query parameter is not acceptable.");
    public static readonly ProblemKind InvalidHeader = new(400, "invalid-header", "A header is not acceptable.");
    public static readonly ProblemKind InvalidBody = new(400, "invalid-body", "The body is not acceptable.");
    public static readonly ProblemKind InvalidKeyspace = new(
        400,
        "invalid-keyspace",
        "The keyspace's name or settings are not acceptable."
    );
    public static readonly ProblemKind InvalidCursor = new(400, "invalid-cursor", "The cursor is not acceptable.");
    public static readonly ProblemKind InvalidToken = new(400, "invalid-token", "The token is not acceptable.");
    public static readonly ProblemKind Unauthorized = new(401, "unauthorized", "The caller is not known.");
    public static readonly ProblemKind Forbidden = new(403, "forbidden", "The caller may not do this.");
    public static readonly ProblemKind NoSuchKey = new(404, "no-such-key", "There is no such API key.");
    public static readonly ProblemKind InvalidApiKey = new(400, "invalid-api-key", "The API key is not acceptable.");
    public static readonly ProblemKind NotFound = new(404, "not-found", "There is no such entry.");
    public static readonly ProblemKind NoSuchKeyspace = new(404, "no-such-keyspace", "There is no such keyspace.");
    public static readonly ProblemKind NoSuchNode = new(404, "no-such-node", "There is no such node.");
    public static readonly ProblemKind NoSuchRebalance = new(404, "no-such-rebalance", "There is no such rebalance.");
    public static readonly ProblemKind NoSuchRoute = new(404, "no-such-route", "Nothing is served here.");
    public static readonly ProblemKind MethodNotAllowed = new(
        405,
        "method-not-allowed",
        "The method is not served here."
    );
    public static readonly ProblemKind RequestTimeout = new(
        408,
        "request-timeout",
        "The request came too slowly.",
        true
    );
    public static readonly ProblemKind KeyspaceConflict = new(
        409,
        "keyspace-conflict",
        "The change contradicts the keyspace as it is."
    );
    public static readonly ProblemKind RebalanceConflict = new(
        409,
        "rebalance-conflict",
        "The rebalances are not as the call needs them."
    );
    public static readonly ProblemKind NodeConflict = new(
        409,
        "node-conflict",
        "The node is not as the command needs it."
    );
    public static readonly ProblemKind Compacted = new(410, "compacted", "Some changes are not kept any more.");
    public static readonly ProblemKind PreconditionFailed = new(
        412,
        "precondition-failed",
        "The condition is not met."
    );
    public static readonly ProblemKind TooLarge = new(413, "too-large", "The body is larger than the limit.");
    public static readonly ProblemKind UnsupportedMediaType = new(
        415,
        "unsupported-media-type",
        "The body's media type or coding is not taken here."
    );
    public static readonly ProblemKind NotApplicable = new(
        422,
        "not-applicable",
        "The request is well-formed, but this keyspace does not take it."
    );
    public static readonly ProblemKind RequestIdReused = new(
        422,
        "request-id-reused",
        "The idempotency key was used with another request."
    );
    public static readonly ProblemKind NotAnInteger = new(
        422,
        "not-an-integer",
        "The entry is no whole number that could be counted up."
    );
    public static readonly ProblemKind OutOfRange = new(422, "out-of-range", "The sum would not fit into 64 bits.");
    public static readonly ProblemKind NotJson = new(422, "not-json", "The entry is no JSON that could be patched.");
    public static readonly ProblemKind RateExceeded = new(429, "rate-exceeded", "Too many requests came.", true);
    public static readonly ProblemKind Overloaded = new(429, "overloaded", "Too much is under way.", true);
    public static readonly ProblemKind Internal = new(500, "internal", "Something unexpected happened.");
    public static readonly ProblemKind Unavailable = new(503, "unavailable", "The data cannot be served now.", true);
    public static readonly ProblemKind UnknownOutcome = new(
        503,
        "unknown-outcome",
        "The write may or may not have happened."
    );
    public static readonly ProblemKind DeadlineExceeded = new(
        504,
        "deadline-exceeded",
        "There was no time left.",
        true
    );
    public static readonly ProblemKind DiskFull = new(507, "disk-full", "The disk is full.", true);
    public static readonly ProblemKind QuotaExceeded = new(
        507,
        "quota-exceeded",
        "The keyspace would hold more than its quota."
    );

    /// <summary>All of them, by status.</summary>
    public static readonly IReadOnlyList<ProblemKind> All =
    [
        InvalidRequest,
        InvalidTarget,
        InvalidKey,
        InvalidQuery,
        InvalidHeader,
        InvalidBody,
        InvalidKeyspace,
        InvalidCursor,
        InvalidToken,
        InvalidApiKey,
        Unauthorized,
        Forbidden,
        NotFound,
        NoSuchKey,
        NoSuchKeyspace,
        NoSuchNode,
        NoSuchRebalance,
        NoSuchRoute,
        MethodNotAllowed,
        RequestTimeout,
        KeyspaceConflict,
        NodeConflict,
        RebalanceConflict,
        Compacted,
        PreconditionFailed,
        TooLarge,
        UnsupportedMediaType,
        NotApplicable,
        RequestIdReused,
        NotAnInteger,
        OutOfRange,
        NotJson,
        RateExceeded,
        Overloaded,
        Internal,
        Unavailable,
        UnknownOutcome,
        DeadlineExceeded,
        DiskFull,
        QuotaExceeded,
    ];
}
