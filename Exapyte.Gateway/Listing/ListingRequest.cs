using System.Globalization;
using Exapyte.Client;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;
using Exapyte.Security;

namespace Exapyte.Gateway.Listing;

/// <summary>What a listing asks for.</summary>
internal sealed record ListingRequest
{
    private const int Prefix = 0;
    private const int Start = 1;
    private const int End = 2;
    private const int Keys = 3;
    private const int Reverse = 6;
    private const int Limit = 7;
    private const int KeysOnly = 8;
    private const int At = 9;
    private const int Consistency = 10;
    private const int Delimiter = 11;
    private const int Delimiter64 = 12;

    private static readonly string[] Parameters =
    [
        "prefix",
        "start",
        "end",
        "prefix64",
        "start64",
        "end64",
        "reverse",
        "limit",
        "keysOnly",
        "cursor",
        "consistency",
        "delimiter",
        "delimiter64",
    ];

    /// <summary>The first page's query; its <see cref="ScanQuery.EntriesMax"/> is the page size.</summary>
    public required ScanQuery Query { get; init; }

    /// <summary>Most entries of the whole answer; null: no bound was named.</summary>
    public required long? EntriesMax { get; init; }

    /// <summary>Reads the query; the problem where it is refused.</summary>
    public static Problem? Read(
        IHeaderDictionary headers,
        in Call call,
        bool isStream,
        ExapyteGatewayOptions limits,
        CursorCodec cursors,
        out ListingRequest? request
    )
    {
        request = null;
        var query = call.Query;
        Span<ParameterSlice> slices = stackalloc ParameterSlice[Parameters.Length];
        if (QueryParameters.Read(query, Parameters, slices) is { } problem)
        {
            return problem;
        }
        List<string> reasons = [];
        var reader = new ListingParameters(query, slices, Parameters, reasons);
        var scan = new ScanQuery
        {
            Prefix = reader.Key(Prefix, Prefix + Keys, limits.KeyBytesMax) ?? default,
            Start = reader.Key(Start, Start + Keys, limits.KeyBytesMax) ?? default,
            End = reader.Key(End, End + Keys, limits.KeyBytesMax),
            Reverse = reader.Flag(Reverse) ?? false,
            KeysOnly = reader.Flag(KeysOnly) ?? false,
            Delimiter = reader.Key(Delimiter, Delimiter64, KeyFolding.DelimiterBytesMax) ?? default,
        };
        if (reader.IsPresent(Delimiter, Delimiter64) && scan.Delimiter.IsEmpty)
        {
            reasons.Add("Parameter 'delimiter' must not be empty; leave it out to list all keys.");
        }
        if (scan.End is { IsEmpty: true })
        {
            reasons.Add("Parameter 'end' must not be empty; leave it out to list to the end.");
        }
        var entriesMax = reader.Count(Limit, isStream ? long.MaxValue : limits.PageEntriesMax);
        if (reasons.Count > 0)
        {
            return OutcomeProblems.WithReasons(ProblemKinds.InvalidQuery, reasons);
        }
        if (ConsistencyRequest.Read(headers, reader.Text(Consistency), out var consistency) is { } badConsistency)
        {
            return badConsistency;
        }
        var page = isStream ? limits.PageEntriesMax : limits.PageEntriesDefault;
        scan = scan with
        {
            Level = consistency.Level,
            MaxStalenessMs = consistency.MaxStalenessMs,
            EntriesMax = (int)Math.Min(entriesMax ?? page, limits.PageEntriesMax),
        };
        request = new() { Query = scan, EntriesMax = entriesMax };
        return (reader.IsPresent(At) ? GoOn(call, reader, cursors, ref request) : null)
            ?? call.Caller.RefuseBelow(KeyRights.Read, call.Keyspace, request!.Query.Prefix.Span);
    }

    /// <summary>A cursor brings its own bounds; what is named beside it must be the same.</summary>
    private static Problem? GoOn(
        in Call call,
        in ListingParameters reader,
        CursorCodec cursors,
        ref ListingRequest? request
    )
    {
        if (!cursors.TryRead(call.TokenScope, reader.Text(At), out var cursor))
        {
            return new(
                ProblemKinds.InvalidCursor,
                "The cursor was not made for this keyspace and key by this cluster, or was changed. Start the listing again."
            );
        }
        var query = request!.Query;
        if (
            (reader.IsPresent(Prefix, Prefix + Keys) && !Same(query.Prefix, cursor.Prefix))
            || (reader.IsPresent(Start, Start + Keys) && !Same(query.Start, cursor.Start))
            || (reader.IsPresent(End, End + Keys) && (cursor.End is null || !Same(query.End!.Value, cursor.End.Value)))
            || (reader.IsPresent(Reverse) && query.Reverse != cursor.Reverse)
            || (reader.IsPresent(Delimiter, Delimiter64) && !Same(query.Delimiter, cursor.Delimiter))
        )
        {
            return new(
                ProblemKinds.InvalidCursor,
                "The cursor was made for other bounds, another direction or another delimiter. Send it alone, or start the listing again."
            );
        }
        request = request with
        {
            Query = query with
            {
                Prefix = cursor.Prefix,
                Start = cursor.Start,
                End = cursor.End,
                Reverse = cursor.Reverse,
                Delimiter = cursor.Delimiter,
                After = cursor.After,
                KeyspaceId = cursor.KeyspaceId,
            },
        };
        return null;
    }

    private static bool Same(ReadOnlyMemory<byte> left, ReadOnlyMemory<byte> right) =>
        left.Span.SequenceEqual(right.Span);
}

/// <summary>Reads the values of a listing's parameters and gathers what is wrong with them.</summary>
internal readonly ref struct ListingParameters(
    ReadOnlySpan<char> query,
    ReadOnlySpan<ParameterSlice> slices,
    string[] names,
    List<string> reasons
)
{
    private readonly ReadOnlySpan<char> query = query;
    private readonly ReadOnlySpan<ParameterSlice> slices = slices;

    /// <summary>Whether the parameter was given.</summary>
    public bool IsPresent(int parameter) => slices[parameter].IsPresent;

    /// <summary>Whether one of the two was given.</summary>
    public bool IsPresent(int parameter, int other) => IsPresent(parameter) || IsPresent(other);

    /// <summary>The value as text; empty where it was not given.</summary>
    public ReadOnlySpan<char> Text(int parameter) => IsPresent(parameter) ? slices[parameter].TextIn(query) : [];

    /// <summary>A key, given as text or as base64url; null where it was not given.</summary>
    public ReadOnlyMemory<byte>? Key(int parameter, int parameter64, int bytesMax)
    {
        if (!IsPresent(parameter, parameter64))
        {
            return null;
        }
        var (name, name64) = (names[parameter], names[parameter64]);
        if (IsPresent(parameter) && IsPresent(parameter64))
        {
            reasons.Add($"Parameters '{name}' and '{name64}' are one: give one of them.");
            return null;
        }
        byte[] key;
        if (IsPresent(parameter64))
        {
            if (!Base64Text.TryDecode(Text(parameter64), out key))
            {
                reasons.Add($"Parameter '{name64}' must be {Base64Text.Rule}.");
            }
        }
        else if (slices[parameter].In(query).Contains('+'))
        {
            // Forms write a space so, targets a plus. A wrong guess would list other entries without a word.
            reasons.Add($"Parameter '{name}' holds a '+': write %2B for a plus, %20 for a space.");
            return null;
        }
        else
        {
            _ = PercentCoding.TryDecode(slices[parameter].In(query), out key);
        }
        if (key.Length > bytesMax)
        {
            reasons.Add($"Parameter '{name}' is {key.Length} bytes long, more than {bytesMax}.");
        }
        return key;
    }

    /// <summary>A flag; null where it was not given.</summary>
    public bool? Flag(int parameter)
    {
        if (!IsPresent(parameter))
        {
            return null;
        }
        var text = Text(parameter);
        if (text is not ("true" or "false"))
        {
            reasons.Add($"Parameter '{names[parameter]}' must be true or false.");
        }
        return text is "true";
    }

    /// <summary>A count from 1; null where it was not given.</summary>
    public long? Count(int parameter, long most)
    {
        if (!IsPresent(parameter))
        {
            return null;
        }
        if (
            long.TryParse(Text(parameter), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && count >= 1
            && count <= most
        )
        {
            return count;
        }
        reasons.Add(
            most == long.MaxValue
                ? $"Parameter '{names[parameter]}' must be a whole number, 1 or more."
                : $"Parameter '{names[parameter]}' must be 1 to {most}."
        );
        return null;
    }
}
