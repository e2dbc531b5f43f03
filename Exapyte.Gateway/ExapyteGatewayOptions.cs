using Exapyte.Operations;
using Microsoft.Extensions.Options;

namespace Exapyte.Gateway;

/// <summary>How callers of the gateway are authenticated.</summary>
public enum GatewayAuthentication
{
    /// <summary>Not at all: everybody may do everything.</summary>
    None = 0,

    /// <summary>By the cluster's keys: <c>Authorization: Bearer &lt;id&gt;.&lt;secret&gt;</c>.</summary>
    Keys = 1,
}

/// <summary>Settings of the REST gateway. Read once, when it is mapped; limits may be lowered, never raised.</summary>
public sealed class ExapyteGatewayOptions
{
    /// <summary>Fewest bytes of a <see cref="CursorKey"/>.</summary>
    public const int CursorKeyBytesMin = 16;

    /// <summary>Requests under way at once where no other bound is set: several times what keeps a large machine busy.</summary>
    public const int RequestsMaxDefault = 1_024;

    /// <summary>Greatest <see cref="RequestsMax"/>.</summary>
    public const int RequestsMaxMost = 1_000_000;

    /// <summary>Longest key, in bytes; 1 to <see cref="Limits.KeyBytesMax"/>.</summary>
    public int KeyBytesMax { get; set; } = Limits.KeyBytesMax;

    /// <summary>Largest value, in bytes; 1 to <see cref="Limits.ValueBytesMax"/>.</summary>
    public int ValueBytesMax { get; set; } = Limits.ValueBytesMax;

    /// <summary>Most items in one batch; 1 to <see cref="Limits.BatchItemsMax"/>.</summary>
    public int BatchItemsMax { get; set; } = Limits.BatchItemsMax;

    /// <summary>Most bytes of keys and values in one batch; 1 to <see cref="Limits.BatchBytesMax"/>.</summary>
    public int BatchBytesMax { get; set; } = Limits.BatchBytesMax;

    /// <summary>Most entries in one page of a listing; 1 to <see cref="Limits.PageEntriesMax"/>.</summary>
    public int PageEntriesMax { get; set; } = Limits.PageEntriesMax;

    /// <summary>Entries in a page where the caller names no limit; 1 to <see cref="PageEntriesMax"/>.</summary>
    public int PageEntriesDefault { get; set; } = Limits.PageEntriesDefault;

    /// <summary>
    /// Signs the cursors of listings; at least <see cref="CursorKeyBytesMin"/> bytes. Gateways that share it take each
    /// other's cursors. Empty: a random one for the life of the process, so a cursor ends with the gateway that made it.
    /// </summary>
    public byte[] CursorKey { get; set; } = [];

    /// <summary>
    /// Gives the <see cref="CursorKey"/> where it is known only once the process serves: asked once, at the first cursor,
    /// and only if <see cref="CursorKey"/> is empty.
    /// </summary>
    public Func<byte[]>? CursorKeySource { get; set; }

    /// <summary>
    /// Most requests under way at once, beyond which they are answered 429; 1 to <see cref="RequestsMaxMost"/>. What tells
    /// of the process and the cluster (<c>/livez</c>, <c>/readyz</c>, <c>/v1/cluster</c>, ...) is not counted.
    /// </summary>
    public int RequestsMax { get; set; } = RequestsMaxDefault;

    /// <summary>What a refused caller is told to wait (<c>Retry-After</c>), in whole seconds; 1 to 3,600.</summary>
    public int RetryAfterSeconds { get; set; } = 1;

    /// <summary>After so long without a change a watcher is told how far the feed has come; 10 ms to 1 minute.</summary>
    public TimeSpan ChangesHeartbeat { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>A watcher that takes nothing of what it is sent for so long is cut off; 100 ms to 10 minutes.</summary>
    public TimeSpan ChangesStallMax { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Most callers that watch changes at once, beyond which they are answered 429; 1 to <see cref="RequestsMaxMost"/>.</summary>
    public int WatchersMax { get; set; } = 10_000;

    /// <summary>How callers are authenticated.</summary>
    public GatewayAuthentication Authentication { get; set; }

    /// <summary>Whose tokens are taken beside keys; null: nobody's. Goes with <see cref="GatewayAuthentication.Keys"/>.</summary>
    public GatewayJwtOptions? Jwt { get; set; }

    /// <summary>
    /// Failed authentications a second that an address may have, ten times as many at once; those beyond are answered a
    /// second later, or not looked at. More than 0.
    /// </summary>
    public double AuthenticationFailuresPerSecond { get; set; } = 10;

    /// <summary>How long <c>/readyz</c> waits for an answer before it says no; 10 ms to 1 minute.</summary>
    public TimeSpan ReadinessTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// What the process itself knows against its being ready, beside what the cluster says: one line each, empty for
    /// nothing. Asked with each <c>/readyz</c>; must not block.
    /// </summary>
    public Func<IReadOnlyList<string>> OwnReasonsNotReady { get; set; } = static () => [];
}

/// <summary>Refuses options that the service could not keep. Names every reason at once.</summary>
internal sealed class ExapyteGatewayOptionsValidator : IValidateOptions<ExapyteGatewayOptions>
{
    private static readonly TimeSpan ReadinessTimeoutMin = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan ReadinessTimeoutMax = TimeSpan.FromMinutes(1);
    private const int RetryAfterSecondsMax = 3_600;
    private static readonly TimeSpan HeartbeatMin = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan HeartbeatMax = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StallMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan StallMax = TimeSpan.FromMinutes(10);

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, ExapyteGatewayOptions options)
    {
        List<string> reasons = [];
        Within(reasons, nameof(options.KeyBytesMax), options.KeyBytesMax, Limits.KeyBytesMax);
        Within(reasons, nameof(options.ValueBytesMax), options.ValueBytesMax, Limits.ValueBytesMax);
        Within(reasons, nameof(options.BatchItemsMax), options.BatchItemsMax, Limits.BatchItemsMax);
        Within(reasons, nameof(options.BatchBytesMax), options.BatchBytesMax, Limits.BatchBytesMax);
        Within(reasons, nameof(options.PageEntriesMax), options.PageEntriesMax, Limits.PageEntriesMax);
        Within(reasons, nameof(options.PageEntriesDefault), options.PageEntriesDefault, options.PageEntriesMax);
        Within(reasons, nameof(options.RequestsMax), options.RequestsMax, ExapyteGatewayOptions.RequestsMaxMost);
        Within(reasons, nameof(options.RetryAfterSeconds), options.RetryAfterSeconds, RetryAfterSecondsMax);
        Within(
            reasons,
            nameof(options.ReadinessTimeout),
            options.ReadinessTimeout,
            ReadinessTimeoutMin,
            ReadinessTimeoutMax
        );
        Within(reasons, nameof(options.WatchersMax), options.WatchersMax, ExapyteGatewayOptions.RequestsMaxMost);
        Within(reasons, nameof(options.ChangesHeartbeat), options.ChangesHeartbeat, HeartbeatMin, HeartbeatMax);
        Within(reasons, nameof(options.ChangesStallMax), options.ChangesStallMax, StallMin, StallMax);
        if (!Enum.IsDefined(options.Authentication))
        {
            reasons.Add($"{nameof(options.Authentication)} must be one of {nameof(GatewayAuthentication)}'s.");
        }
        reasons.AddRange(options.Jwt?.Reasons() ?? []);
        if (options.Jwt is not null && options.Authentication != GatewayAuthentication.Keys)
        {
            reasons.Add(
                $"{nameof(options.Jwt)} goes with {nameof(GatewayAuthentication)}.{nameof(GatewayAuthentication.Keys)}."
            );
        }
        if (!(options.AuthenticationFailuresPerSecond > 0))
        {
            reasons.Add($"{nameof(options.AuthenticationFailuresPerSecond)} must be more than 0.");
        }
        if (options.CursorKey is not { Length: 0 or >= ExapyteGatewayOptions.CursorKeyBytesMin })
        {
            reasons.Add(
                $"{nameof(options.CursorKey)} must be empty or at least {ExapyteGatewayOptions.CursorKeyBytesMin} bytes."
            );
        }
        return reasons.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(reasons);
    }

    private static void Within(List<string> reasons, string name, TimeSpan value, TimeSpan least, TimeSpan most)
    {
        if (value < least || value > most)
        {
            reasons.Add($"{name} must be {least} to {most}.");
        }
    }

    private static void Within(List<string> reasons, string name, int value, int most)
    {
        if (value < 1 || value > most)
        {
            reasons.Add($"{name} must be 1 to {most}, not {value}.");
        }
    }
}
