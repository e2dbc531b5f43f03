using Exapyte.Client.Administration;
using Exapyte.Client.Lanes;
using Exapyte.Security;
using Exapyte.Wire;

namespace Exapyte.Client.Security;

/// <summary>Makes, shows and revokes the keys of a cluster. Thread-safe; expected failures are outcomes.</summary>
public interface IKeyAdministration
{
    /// <summary>The keys in force; null where the control plane is out of reach.</summary>
    Task<KeyRing?> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>Brings what is known up to date; false where the control plane did not say anything in time.</summary>
    /// <param name="known">Takes a newer ring where there is one.</param>
    /// <param name="patience">How long an answer is waited for, above zero.</param>
    /// <param name="cancellationToken">Gives up the wait.</param>
    Task<bool> RefreshAsync(KnownKeys known, TimeSpan patience, CancellationToken cancellationToken = default);

    /// <summary>Adds a key.</summary>
    Task<KeyReply> AddAsync(ApiKey key, CancellationToken cancellationToken = default);

    /// <summary>Takes a key out of force, on every node that answers before it returns.</summary>
    Task<KeyReply> RevokeAsync(string id, CancellationToken cancellationToken = default);
}

/// <summary>See <see cref="IKeyAdministration"/>.</summary>
internal sealed class KeyAdministration(IGrainFactory grains, GrainCalls calls) : IKeyAdministration
{
    // Older than any ring: whatever there is answers.
    private const long Any = -1;

    private IKeyRingGrain Ring => grains.GetGrain<IKeyRingGrain>(0);

    public async Task<KeyRing?> ListAsync(CancellationToken cancellationToken = default) =>
        (await calls.TryAsync(() => Ring.Since(Any).AsTask(), cancellationToken)).Value;

    public async Task<bool> RefreshAsync(
        KnownKeys known,
        TimeSpan patience,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(known);
        var epoch = known.Current?.Epoch ?? Any;
        var answer = await calls.TryAsync(() => Ring.Since(epoch).AsTask(), patience, cancellationToken);
        if (answer.Value is { } ring)
        {
            known.TryTake(ring);
        }
        return answer.Kind == AttemptKind.Answered;
    }

    public Task<KeyReply> AddAsync(ApiKey key, CancellationToken cancellationToken = default) =>
        CommandAsync(ring => ring.Add(key), cancellationToken);

    public Task<KeyReply> RevokeAsync(string id, CancellationToken cancellationToken = default) =>
        CommandAsync(ring => ring.Revoke(id), cancellationToken);

    private async Task<KeyReply> CommandAsync(
        Func<IKeyRingGrain, Task<KeyReply>> command,
        CancellationToken cancellationToken
    ) =>
        (await calls.TryAsync(() => command(Ring), cancellationToken)).Value
        ?? new()
        {
            Outcome = KeyOutcome.Unavailable,
            Reasons = ["The control plane did not answer; the command may or may not have been carried out."],
        };
}
