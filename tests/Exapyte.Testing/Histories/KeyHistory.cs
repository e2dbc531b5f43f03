using System.Text.Json;
using Exapyte.Testing.Linearizability;
using Exapyte.Testing.Processes;

namespace Exapyte.Testing.Histories;

/// <summary>All that clients asked of one key and what they were told. Thread-safe.</summary>
/// <remarks>
/// A write without a clear answer is open for ever: it may take effect at any later moment. A refusal counts as such only
/// where the answer says that nothing changed, and is then held to it: were its value ever read, nobody would have written
/// it.
/// </remarks>
public sealed class KeyHistory(string key)
{
    readonly Lock _lock = new();
    readonly List<Seen> _seen = [];
    readonly Dictionary<string, ulong> _valueOf = new(StringComparer.Ordinal);
    string? _lastVersion;
    int _unknown;

    /// <summary>An operation with the versions that it named or met; their values may be learned later.</summary>
    readonly record struct Seen(KeyOperation Operation, string? ExpectedVersion, string? MetVersion);

    public string Key => key;

    public int Count
    {
        get
        {
            lock (_lock)
                return _seen.Count;
        }
    }

    public int Unknown
    {
        get
        {
            lock (_lock)
                return _unknown;
        }
    }

    /// <summary>The tag that a client saw last; null where none was seen.</summary>
    public string? LastVersion
    {
        get
        {
            lock (_lock)
                return _lastVersion;
        }
    }

    /// <summary>Notes a request that has ended.</summary>
    /// <param name="request">What was asked.</param>
    /// <param name="beganAt">A time stamp from before it was sent.</param>
    /// <param name="endedAt">A time stamp of the same clock from after its answer.</param>
    /// <param name="answer">The answer.</param>
    /// <exception cref="InvalidDataException">The answer is none that such a request may have.</exception>
    public RequestEnd Note(KeyRequest request, long beganAt, long endedAt, RestAnswer answer)
    {
        var end = EndOf(request, answer);
        var isRead = request.Kind == KeyOperationKind.Read;
        if (end == RequestEnd.Refused || (isRead && end == RequestEnd.Unknown))
            return end;
        lock (_lock)
        {
            if (answer.Status is 200 or 201 or 204 && answer.ETag is { } version)
                Learn(version, isRead ? ValueOf(answer) : request.Value);
            _unknown += end == RequestEnd.Unknown ? 1 : 0;
            _seen.Add(
                new(
                    new()
                    {
                        BeganAt = beganAt,
                        EndedAt = end == RequestEnd.Unknown ? long.MaxValue : endedAt,
                        Kind = request.Kind,
                        Outcome = OutcomeOf(end),
                        Value = request.Value,
                        Condition = request.Condition,
                        Met = MetOf(request, end, answer),
                        MetValue = isRead && answer.Status == 200 ? ValueOf(answer) : 0,
                    },
                    request.ExpectedVersion,
                    end == RequestEnd.ConditionFailed ? answer.ETag : null
                )
            );
        }
        return end;
    }

    /// <summary>The history for the checker, with all that is known of it by now.</summary>
    public IReadOnlyList<KeyOperation> Operations()
    {
        lock (_lock)
            return _seen.ConvertAll(Resolve);
    }

    /// <summary>What a client may conclude from an answer.</summary>
    /// <exception cref="InvalidDataException">The answer is none that such a request may have.</exception>
    public RequestEnd EndOf(KeyRequest request, RestAnswer answer) =>
        (request.Kind, answer.Status) switch
        {
            (KeyOperationKind.Read, 200) => RequestEnd.Done,
            (KeyOperationKind.Read, 404) when ProblemOf(answer) is { Code: "not-found" } => RequestEnd.Done,
            (KeyOperationKind.Write, 201 or 204) => RequestEnd.Done,
            (KeyOperationKind.Write, 412) when request.Condition != KeyCondition.None => RequestEnd.ConditionFailed,
            (_, 0) => answer.WasNotSent ? RequestEnd.Refused : RequestEnd.Unknown,
            (_, 429) => RequestEnd.Refused,
            (_, >= 500) => ProblemOf(answer) is { InDoubt: false } ? RequestEnd.Refused : RequestEnd.Unknown,
            _ => throw new InvalidDataException($"{request} of {key} was answered with {answer}"),
        };

    static KeyOutcome OutcomeOf(RequestEnd end) =>
        end switch
        {
            RequestEnd.Done => KeyOutcome.Done,
            RequestEnd.ConditionFailed => KeyOutcome.ConditionFailed,
            _ => KeyOutcome.Unknown,
        };

    static KeyMet MetOf(KeyRequest request, RequestEnd end, RestAnswer answer) =>
        (request.Kind, end) switch
        {
            (KeyOperationKind.Read, _) => KeyMet.Value,
            (_, RequestEnd.ConditionFailed) => answer.ETag is null ? KeyMet.Absent : KeyMet.Present,
            // A delete answers alike whether there was anything.
            (_, RequestEnd.Done) when request.Value != 0 => answer.Status == 201 ? KeyMet.Absent : KeyMet.Present,
            _ => KeyMet.Anything,
        };

    void Learn(string version, ulong value)
    {
        if (_valueOf.TryGetValue(version, out var known) && known != value)
            throw new InvalidDataException($"{key}: version {version} is both {known} and {value}");
        _valueOf[version] = value;
        _lastVersion = version;
    }

    KeyOperation Resolve(Seen seen)
    {
        var operation = seen.Operation;
        if (seen.ExpectedVersion is { } expected)
            operation = operation with { ConditionValue = _valueOf[expected] };
        return seen.MetVersion is { } met && _valueOf.TryGetValue(met, out var value)
            ? operation with
            {
                Met = KeyMet.Value,
                MetValue = value,
            }
            : operation;
    }

    static ulong ValueOf(RestAnswer answer) => ulong.Parse(answer.Text);

    static Problem? ProblemOf(RestAnswer answer)
    {
        try
        {
            return JsonSerializer.Deserialize<Problem>(answer.Body, JsonSerializerOptions.Web);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    sealed record Problem(string? Code, bool? InDoubt);
}
