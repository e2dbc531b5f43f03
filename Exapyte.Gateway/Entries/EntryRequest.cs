using System.Globalization;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;

namespace Exapyte.Gateway.Entries;

/// <summary>What headers and query of a call on one entry ask for, the body aside.</summary>
internal readonly struct EntryRequest
{
    /// <summary>The value of <c>Exapyte-TTL</c> and of <c>ttl</c> that means: whatever the keyspace's default, none.</summary>
    public const string Never = "never";

    private const long TtlSecondsMax = Limits.TtlMsMax / 1_000;
    private static readonly string[] Parameters = ["consistency"];

    /// <summary>How strongly.</summary>
    public required ConsistencyRequest Consistency { get; init; }

    /// <summary>The condition of a write; else null.</summary>
    public WriteCondition? Condition { get; init; }

    /// <summary>The request id of a write; else null.</summary>
    public string? RequestId { get; init; }

    /// <summary>Media type of a put; else empty.</summary>
    public string ContentType { get; init; }

    /// <summary>Lifetime of a put in milliseconds, as <see cref="Operation.TtlMs"/> has it.</summary>
    public long TtlMs { get; init; }

    /// <summary>When a put ends, Unix milliseconds, as <see cref="Operation.ExpiresAtMs"/> has it.</summary>
    public long ExpiresAtMs { get; init; }

    /// <summary>What the moment of an end must be, for a person.</summary>
    public const string ExpiresRule =
        "a time as RFC 3339 has it, behind 1970 and up to the year 9999, such as \"2030-01-31T12:00:00Z\"";

    /// <summary>What a lifetime must be, for a person.</summary>
    public static string TtlRule => $"whole seconds, 1 to {TtlSecondsMax}, or '{Never}'";

    /// <summary>Reads the consistency; the problem where it is refused.</summary>
    public static Problem? ReadConsistency(IHeaderDictionary headers, in Call call, out ConsistencyRequest consistency)
    {
        var query = call.Query;
        ReadOnlySpan<char> level = [];
        if (!query.IsEmpty)
        {
            Span<ParameterSlice> values = [default];
            if (QueryParameters.Read(query, Parameters, values) is { } problem)
            {
                consistency = default;
                return problem;
            }
            if (values[0].IsPresent)
            {
                level = values[0].TextIn(query);
                if (level.IsEmpty)
                {
                    consistency = default;
                    return new(ProblemKinds.InvalidQuery, $"Parameter 'consistency' must be {Levels.Names}.");
                }
            }
        }
        return ConsistencyRequest.Read(headers, level, out consistency);
    }

    /// <summary>Reads what a delete asks for; the problem where it is refused.</summary>
    public static Problem? ReadDelete(IHeaderDictionary headers, in Call call, out EntryRequest request)
    {
        request = default;
        if (ReadConsistency(headers, call, out var consistency) is { } badConsistency)
        {
            return badConsistency;
        }
        if (WritePreconditions.Read(headers, out var condition) is { } badCondition)
        {
            return badCondition;
        }
        if (ReadRequestId(headers, out var requestId) is { } badRequestId)
        {
            return badRequestId;
        }
        request = new()
        {
            Consistency = consistency,
            Condition = condition,
            RequestId = requestId,
            ContentType = "",
        };
        return null;
    }

    /// <summary>Reads what a put asks for; the problem where it is refused.</summary>
    public static Problem? ReadPut(IHeaderDictionary headers, in Call call, out EntryRequest request)
    {
        var problem = ReadDelete(headers, call, out request) ?? RefuseCodings(headers);
        if (problem is not null)
        {
            return problem;
        }
        if (ReadContentType(headers, out var contentType) is { } badContentType)
        {
            return badContentType;
        }
        if (ReadLifetime(headers, ref request) is { } badLifetime)
        {
            return badLifetime;
        }
        request = request with { ContentType = contentType };
        return null;
    }

    /// <summary>Reads what an increment or a patch asks for, the body aside; the problem where it is refused.</summary>
    public static Problem? ReadChange(IHeaderDictionary headers, in Call call, out EntryRequest request) =>
        ReadDelete(headers, call, out request) ?? RefuseCodings(headers) ?? ReadLifetime(headers, ref request);

    /// <summary>The operation that it asks for.</summary>
    public Operation ToOperation(OperationKind kind, byte[] key, byte[] value) =>
        new()
        {
            Kind = kind,
            Key = key,
            Value = value,
            ContentType = ContentType,
            TtlMs = TtlMs,
            ExpiresAtMs = ExpiresAtMs,
            Condition = Condition,
            RequestId = RequestId,
            Level = Consistency.Level,
            MaxStalenessMs = Consistency.MaxStalenessMs,
        };

    /// <summary>Reads <c>Idempotency-Key</c>, null where it is absent; the problem where it is refused.</summary>
    public static Problem? ReadRequestId(IHeaderDictionary headers, out string? requestId)
    {
        if (SingleHeader.Read(headers[Headers.IdempotencyKey], Headers.IdempotencyKey, out requestId) is { } problem)
        {
            return problem;
        }
        return
            requestId is null || (requestId.Length is > 0 and <= Limits.RequestIdCharsMax && Headers.IsValue(requestId))
            ? null
            : new(
                ProblemKinds.InvalidHeader,
                $"{Headers.IdempotencyKey} must be 1 to {Limits.RequestIdCharsMax} printable ASCII characters."
            );
    }

    /// <summary>Reads a lifetime; false where it is none.</summary>
    public static bool TryReadTtl(ReadOnlySpan<char> text, out long ttlMs)
    {
        ttlMs = Operation.NeverExpires;
        if (text is Never)
        {
            return true;
        }
        var isNumber = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds);
        ttlMs = isNumber && seconds is > 0 and <= TtlSecondsMax ? seconds * 1_000 : 0;
        return ttlMs > 0;
    }

    /// <summary>Reads the moment of an end, Unix milliseconds, cut to one; false where it is none.</summary>
    public static bool TryReadExpires(string text, out long expiresAtMs) =>
        Timestamps.TryReadRfc3339(text, out expiresAtMs) && expiresAtMs is > 0 and <= Limits.ExpiresAtMsMax;

    /// <summary>Whether the text can be an entry's media type: it comes back as a header.</summary>
    public static bool IsContentType(ReadOnlySpan<char> text) =>
        text.Length <= Limits.ContentTypeCharsMax && Headers.IsValue(text);

    private static Problem? ReadContentType(IHeaderDictionary headers, out string contentType)
    {
        contentType = "";
        if (SingleHeader.Read(headers.ContentType, "Content-Type", out var value) is { } problem)
        {
            return problem;
        }
        contentType = value ?? "";
        return IsContentType(contentType)
            ? null
            : new(
                ProblemKinds.InvalidHeader,
                $"Content-Type must be printable ASCII, at most {Limits.ContentTypeCharsMax} characters."
            );
    }

    private static Problem? ReadLifetime(IHeaderDictionary headers, ref EntryRequest request)
    {
        if (ReadTtl(headers, out var ttlMs) is { } badTtl)
        {
            return badTtl;
        }
        if (ReadExpires(headers, ttlMs, out var expiresAtMs) is { } badExpires)
        {
            return badExpires;
        }
        request = request with { TtlMs = ttlMs, ExpiresAtMs = expiresAtMs };
        return null;
    }

    private static Problem? ReadTtl(IHeaderDictionary headers, out long ttlMs)
    {
        ttlMs = 0;
        var problem = SingleHeader.Read(headers[Headers.Ttl], Headers.Ttl, out var text);
        return problem is not null || text is null || TryReadTtl(text, out ttlMs)
            ? problem
            : new(ProblemKinds.InvalidHeader, $"{Headers.Ttl} must be {TtlRule}.");
    }

    private static Problem? ReadExpires(IHeaderDictionary headers, long ttlMs, out long expiresAtMs)
    {
        expiresAtMs = 0;
        var problem = SingleHeader.Read(headers[Headers.Expires], Headers.Expires, out var text);
        return problem is not null || text is null ? problem
            : ttlMs != 0 ? new(ProblemKinds.InvalidHeader, $"A put takes {Headers.Ttl} or {Headers.Expires}, not both.")
            : TryReadExpires(text, out expiresAtMs) ? null
            : new(ProblemKinds.InvalidHeader, $"{Headers.Expires} must be {ExpiresRule}.");
    }

    /// <summary>Values are kept as they come: a coding would be lost, and a part would replace the whole.</summary>
    private static Problem? RefuseCodings(IHeaderDictionary headers)
    {
        if (headers.ContentRange.Count > 0)
        {
            return new(ProblemKinds.InvalidHeader, "A value is put whole: Content-Range is not taken.");
        }
        var coding = headers.ContentEncoding;
        return coding.Count == 0 || string.Equals(coding, "identity", StringComparison.OrdinalIgnoreCase)
            ? null
            : new(
                ProblemKinds.UnsupportedMediaType,
                "Content-Encoding is not kept with a value: send it plain, or name the coding in the Content-Type."
            );
    }
}
