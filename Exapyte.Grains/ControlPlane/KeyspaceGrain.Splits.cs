using Exapyte.Wire;

namespace Exapyte.Grains.ControlPlane;

/// <summary>Splits: see <see cref="ShardSplits"/>.</summary>
internal sealed partial class KeyspaceGrain
{
    /// <inheritdoc/>
    public async Task<SplitReply> Split(byte[] key)
    {
        SplitReply reply;
        using (await gate.Enter())
        {
            reply = await ShardSplits.Decide(state, key, ControlPlane, Save);
        }
        if (reply.Map is { } next)
        {
            await Advance(next);
        }
        ContinueLater();
        return reply;
    }
}
