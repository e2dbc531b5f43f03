using Exapyte.Client.Lanes;
using Exapyte.Client.Routing;
using Exapyte.Keyspaces;
using Exapyte.Wire;

namespace Exapyte.Client.Administration;

/// <summary>Commands on keyspaces: checked here, carried out by the keyspace's grain, never sent twice in doubt.</summary>
internal sealed class KeyspaceAdministration(IGrainFactory grains, MapCache maps, GrainCalls calls)
{
    public async Task<KeyspaceReply> PutAsync(
        string keyspace,
        KeyspaceSettings settings,
        CancellationToken cancellationToken
    )
    {
        List<string> reasons = [.. ReasonsAgainstName(keyspace), .. KeyspaceRules.ReasonsAgainst(settings)];
        if (reasons.Count > 0)
        {
            return new() { Outcome = KeyspaceOutcome.Invalid, Reasons = [.. reasons] };
        }
        var reply = await CommandAsync(keyspace, grain => grain.Put(settings), cancellationToken);
        if (reply.Map is { } map)
        {
            maps.Offer(map);
        }
        return reply;
    }

    /// <summary>The keyspace as its grain has it, or where that is out of reach as the nodes serve it.</summary>
    public async Task<KeyspaceReply> GetAsync(string keyspace, CancellationToken cancellationToken)
    {
        if (ReasonsAgainstName(keyspace).Length > 0)
        {
            return new() { Outcome = KeyspaceOutcome.NotFound };
        }
        var reply = await CommandAsync(keyspace, grain => grain.Get(), cancellationToken);
        if (reply.Outcome != KeyspaceOutcome.Unavailable)
        {
            return reply;
        }
        var served = await calls.TryAsync(
            () => grains.GetGrain<IMapGrain>(0).Find(keyspace, 0).AsTask(),
            cancellationToken
        );
        return served.Value is { Deleted: false } map ? new() { Outcome = KeyspaceOutcome.Ok, Map = map } : reply;
    }

    public async Task<KeyspaceReply> DeleteAsync(string keyspace, CancellationToken cancellationToken)
    {
        if (ReasonsAgainstName(keyspace).Length > 0)
        {
            return new() { Outcome = KeyspaceOutcome.NotFound };
        }
        var reply = await CommandAsync(keyspace, grain => grain.Delete(), cancellationToken);
        if (reply.Outcome == KeyspaceOutcome.Ok && maps.Current(keyspace) is { } known)
        {
            maps.Forget(keyspace, reply.Map?.KeyspaceId ?? known.Map.KeyspaceId);
        }
        return reply;
    }

    private async Task<KeyspaceReply> CommandAsync(
        string keyspace,
        Func<IKeyspaceGrain, Task<KeyspaceReply>> command,
        CancellationToken cancellationToken
    )
    {
        var call = await calls.TryAsync(() => command(grains.GetGrain<IKeyspaceGrain>(keyspace)), cancellationToken);
        return call.Value
            ?? new()
            {
                Outcome = KeyspaceOutcome.Unavailable,
                Reasons =
                [
                    call.Kind == AttemptKind.NotSent
                        ? "The control plane is out of reach; nothing changed."
                        : "The control plane did not answer in time; the command may or may not be carried out.",
                ],
                InDoubt = call.Kind != AttemptKind.NotSent,
            };
    }

    private static string[] ReasonsAgainstName(string keyspace) =>
        KeyspaceRules.IsName(keyspace)
            ? []
            : [$"The name must be 1 to {KeyspaceRules.NameCharsMax} of a-z 0-9 - _ . with a letter or digit first."];
}
