using Exapyte.Client;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Listing;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Security;

namespace Exapyte.Gateway.Changes;

/// <summary>What a watcher asks for.</summary>
internal static class WatchRequest
{
    private const int Prefix = 0;
    private const int Prefix64 = 1;
    private const int Since = 2;

    private static readonly string[] Parameters = ["prefix", "prefix64", "since"];

    /// <summary>Reads the query and <c>Last-Event-ID</c>, which goes before <c>since</c>; the problem where it is refused.</summary>
    public static Problem? Read(
        IHeaderDictionary headers,
        in Call call,
        ExapyteGatewayOptions limits,
        ChangeTokenCodec tokens,
        out ChangesQuery query
    )
    {
        query = new() { Heartbeat = limits.ChangesHeartbeat };
        Span<ParameterSlice> slices = stackalloc ParameterSlice[Parameters.Length];
        if (QueryParameters.Read(call.Query, Parameters, slices) is { } problem)
        {
            return problem;
        }
        List<string> reasons = [];
        var reader = new ListingParameters(call.Query, slices, Parameters, reasons);
        var prefix = reader.Key(Prefix, Prefix64, limits.KeyBytesMax) ?? default;
        if (reasons.Count > 0)
        {
            return OutcomeProblems.WithReasons(ProblemKinds.InvalidQuery, reasons);
        }
        if (SingleHeader.Read(headers[Headers.LastEventId], Headers.LastEventId, out var lastEventId) is { } repeated)
        {
            return repeated;
        }
        // What a browser sends that has heard of no event yet is empty.
        var text = string.IsNullOrEmpty(lastEventId) ? reader.Text(Since) : lastEventId;
        ChangeToken? since = null;
        if ((!text.IsEmpty || reader.IsPresent(Since)) && !tokens.TryRead(call.TokenScope, text, out since))
        {
            return new(
                ProblemKinds.InvalidToken,
                "The token was not made for this keyspace and key by this cluster, or was changed. Leave it out to begin now."
            );
        }
        query = query with { Prefix = prefix, Since = since };
        return call.Caller.RefuseBelow(KeyRights.Read, call.Keyspace, prefix.Span);
    }
}
