using System.Net;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Security;

namespace Exapyte.Gateway.Security;

/// <summary>What the gate says of a request.</summary>
/// <param name="Caller">Who it is.</param>
/// <param name="Refusal">Why it goes no further; null where it does.</param>
internal readonly record struct Admission(Caller Caller, Problem? Refusal)
{
    /// <summary>The rate that the caller's key is beyond, where that is why.</summary>
    public KeyRate? Exceeded { get; init; }
}

/// <summary>
/// Decides who may do what, before any operation and from what this process holds: no other is asked. Thread-safe.
/// </summary>
internal sealed class AccessGate
{
    private const string Scheme = "Bearer";
    private static readonly TimeSpan FailureDelay = TimeSpan.FromSeconds(1);

    private readonly ProblemWriter problems;
    private readonly AuditLog audit;
    private readonly TimeProvider time;
    private readonly FailureLimiter failures;
    private readonly Lock swapping = new();
    private readonly bool isOn;
    private readonly JwtVerifier? tokens;
    private volatile KeyTable? table;

    /// <summary>Creates a gate; throws where keys are asked for and nobody keeps any.</summary>
    public AccessGate(
        ExapyteGatewayOptions options,
        KnownKeys? known,
        ProblemWriter problems,
        AuditLog audit,
        TimeProvider time,
        ILoggerFactory loggers
    )
    {
        (this.problems, this.audit, this.time) = (problems, audit, time);
        isOn = options.Authentication == GatewayAuthentication.Keys;
        failures = new(options.AuthenticationFailuresPerSecond, time);
        if (!isOn)
        {
            return;
        }
        if (known is null)
        {
            throw new InvalidOperationException(
                "The gateway is to ask for keys, and nothing in this process keeps any: host a node (AddExapyte), which does."
            );
        }
        tokens = options.Jwt is { } jwt ? new(jwt, time, loggers.CreateLogger<JwtVerifier>()) : null;
        known.Taken.Listen(Use);
        if (known.Current is { } current)
        {
            Use(current);
        }
    }

    /// <summary>Judges a call; at once, but for one with a token.</summary>
    public ValueTask<Admission> AdmitAsync(HttpContext context, in Call call)
    {
        if (!isOn)
        {
            return new(new Admission(Caller.Anyone, null));
        }
        if (
            AccessRules.IsOpen(call.Route) || (AccessRules.IsOpenOnLoopback(call.Route) && Loopback.IsCalledOn(context))
        )
        {
            return new(new Admission(Caller.Nobody, null));
        }
        var known = AuthenticateAsync(context);
        return known.IsCompletedSuccessfully
            ? new(Judged(known.Result, call, context))
            : JudgeLater(known, call, context);
    }

    private static async ValueTask<Admission> JudgeLater(ValueTask<Admission> known, Call call, HttpContext context) =>
        Judged(await known, call, context);

    private static Admission Judged(in Admission admission, in Call call, HttpContext context) =>
        admission.Refusal is null
            ? admission with
            {
                Refusal = AccessRules.Judge(admission.Caller, call, context.Request.Method),
            }
            : admission;

    /// <summary>Judges a call on something that is no route of the gateway's but served beside it, such as metrics.</summary>
    public ValueTask<Admission> AdmitProbeAsync(HttpContext context) =>
        !isOn || Loopback.IsCalledOn(context) ? new(new Admission(Caller.Nobody, null)) : AuthenticateAsync(context);

    /// <summary>Answers a refused call, later where its address has failed often.</summary>
    public async Task RefuseAsync(HttpContext context, string what, string keyspace, Admission admission)
    {
        var problem = admission.Refusal!;
        var from = context.Connection.RemoteIpAddress;
        long unwritten = 0;
        var isWritten = admission.Exceeded?.TryWrite(out unwritten) ?? true;
        if (problem.Kind == ProblemKinds.Unauthorized)
        {
            context.Response.Headers.WWWAuthenticate = $"{Scheme} realm=\"exapyte\"";
            var outcome = failures.Note(from, out unwritten);
            isWritten = outcome == FailureOutcome.Now;
            if (outcome == FailureOutcome.Later)
            {
                await WaitAsync(context.RequestAborted);
            }
            else if (outcome == FailureOutcome.Shed)
            {
                problem = new(ProblemKinds.RateExceeded, "Too many failed authentications came from this address.");
            }
        }
        if (isWritten)
        {
            audit.Refused(admission.Caller.Id, what, keyspace, from, problem.Kind.Status, unwritten);
        }
        await problems.WriteAsync(context, problem);
    }

    /// <summary>Writes down an administrative call once it has ended, however that was.</summary>
    public void RecordWhenAnswered(HttpContext context, string what, Call call) =>
        context.Response.OnCompleted(() =>
        {
            audit.Done(
                call.Caller.Id,
                what,
                call.Keyspace,
                context.Connection.RemoteIpAddress,
                context.Response.StatusCode
            );
            return Task.CompletedTask;
        });

    private void Use(KeyRing ring)
    {
        lock (swapping)
        {
            if (table is null || ring.Epoch > table.Epoch)
            {
                table = KeyTable.Of(ring, table, time);
            }
        }
    }

    private ValueTask<Admission> AuthenticateAsync(HttpContext context)
    {
        var header = context.Request.Headers.Authorization;
        if (header.Count != 1)
        {
            return new(
                Fail(
                    header.Count == 0
                        ? "This call takes a key: send Authorization: Bearer <id>.<secret>."
                        : "Authorization is given more than once."
                )
            );
        }
        var text = header[0].AsSpan().Trim(' ');
        if (
            text.Length <= Scheme.Length
            || text[Scheme.Length] != ' '
            || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
        )
        {
            return new(Fail("Authorization must be Bearer <id>.<secret>."));
        }
        var credential = text[(Scheme.Length + 1)..].TrimStart(' ');
        return tokens is not null && JwtVerifier.IsToken(credential)
            ? new(tokens.VerifyAsync(credential.ToString(), context.RequestAborted))
            : new(Check(credential));
    }

    private Admission Check(ReadOnlySpan<char> credential)
    {
        if (table is not { } keys)
        {
            return new(
                Caller.Nobody,
                new(ProblemKinds.Unavailable, "This node does not know the cluster's keys yet. Try again.")
            );
        }
        if (keys.Find(credential) is not { } entry)
        {
            return Fail("There is no such key, or its secret is another.");
        }
        if (entry.ExpiresMs != 0 && entry.ExpiresMs <= time.GetUtcNow().ToUnixTimeMilliseconds())
        {
            return new(entry.Caller, new(ProblemKinds.Unauthorized, "The key has expired."));
        }
        return entry.Rate is null || entry.Rate.TryTake()
            ? new(entry.Caller, null)
            : new(
                entry.Caller,
                new(ProblemKinds.RateExceeded, $"The key may be used {entry.Rate.PerSecond} times a second.")
            )
            {
                Exceeded = entry.Rate,
            };
    }

    private static Admission Fail(string detail) => new(Caller.Nobody, new(ProblemKinds.Unauthorized, detail));

    private async Task WaitAsync(CancellationToken aborted)
    {
        try
        {
            await Task.Delay(FailureDelay, time, aborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            failures.Waited();
        }
    }
}

/// <summary>Tells calls that reach this machine's own addresses only.</summary>
internal static class Loopback
{
    /// <summary>
    /// Whether the call came over a loopback address, and nobody says that it was passed on: a proxy on this machine calls
    /// on loopback for callers from anywhere.
    /// </summary>
    public static bool IsCalledOn(HttpContext context) =>
        context.Connection.RemoteIpAddress is { } remote
        && IPAddress.IsLoopback(remote)
        && context.Connection.LocalIpAddress is { } local
        && IPAddress.IsLoopback(local)
        && !context.Request.Headers.ContainsKey("Forwarded")
        && !context.Request.Headers.ContainsKey("X-Forwarded-For")
        && !context.Request.Headers.ContainsKey("Via");
}
