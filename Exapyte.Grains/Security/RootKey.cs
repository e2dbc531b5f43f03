using Exapyte.Security;
using Exapyte.Storage.Node;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Exapyte.Grains.Security;

/// <summary>
/// The first key, by which all others are made. Given by the host it is that; else it is written to <c>root.key</c> in the
/// data folder before the control plane hears of it, so that a crash in between loses none. Not thread-safe.
/// </summary>
internal sealed partial class RootKey(DataFolder folder, IOptions<NodeKeyOptions> options, ILogger<RootKey> logger)
{
    /// <summary>Whether there is nothing more to do at this start.</summary>
    public bool IsSettled { get; private set; }

    /// <summary>Makes sure that the cluster has a root key; throws where the control plane cannot be asked.</summary>
    public async Task Settle(IKeyRingGrain ring)
    {
        if (options.Value.RootKey is { } given)
        {
            var reply = await ring.EnsureRoot(HashOf(given), replace: true);
            if (reply.Outcome != KeyOutcome.Ok)
            {
                var reasons = string.Join(' ', reply.Reasons);
                LogNotTaken(logger, reasons);
            }
        }
        else
        {
            await SettleOwn(ring);
        }
        IsSettled = true;
    }

    private async Task SettleOwn(IKeyRingGrain ring)
    {
        var text = folder.ReadSecret(KeyRules.RootId);
        if (text is null)
        {
            if (await ring.Since(0) is not null)
            {
                // The cluster has had keys: its root key was written where it first started.
                return;
            }
            text = $"{KeyRules.RootId}.{KeySecret.Create()}";
            folder.WriteSecret(KeyRules.RootId, text);
        }
        var reply = await ring.EnsureRoot(HashOf(text), replace: false);
        if (reply.Outcome == KeyOutcome.Ok)
        {
            var path = folder.SecretPath(KeyRules.RootId);
            LogWritten(logger, path);
        }
        else
        {
            // Another node was first, or this one was replaced since: a key that opens nothing is not left lying about.
            folder.DeleteSecret(KeyRules.RootId);
        }
    }

    private static byte[] HashOf(string key) =>
        KeySecret.TrySplit(key.Trim(), out var id, out var secret) && id == KeyRules.RootId
            ? KeySecret.HashOf(secret)
            : throw new InvalidOperationException("The root key must be 'root.' and 43 characters of base64url.");

    [LoggerMessage(LogLevel.Warning, "The root key that this node was given is not in force: {Reason}")]
    private static partial void LogNotTaken(ILogger logger, string reason);

    [LoggerMessage(LogLevel.Information, "The root key is in {Path}: move it to where secrets are kept")]
    private static partial void LogWritten(ILogger logger, string path);
}
