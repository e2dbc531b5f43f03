using Exapyte.Client;
using Exapyte.Topology;

namespace Exapyte.Gateway.Hosting;

/// <summary>
/// The key by which the nodes' gateways sign cursors and sessions, so that what one gateway hands out every other takes: read
/// from the cluster before anybody is served.
/// </summary>
internal sealed class SigningKey(IExapyteClient client, TimeProvider time) : IHostedService
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(400);

    private volatile byte[] key = [];

    /// <summary>The key.</summary>
    /// <exception cref="InvalidOperationException">It is not known yet.</exception>
    public byte[] Key => key is { Length: > 0 } known ? known : throw new InvalidOperationException("Not started yet.");

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                if ((await client.GetTopologyAsync(cancellationToken)).ClusterId is var id and > 0)
                {
                    key = ClusterIdentity.KeyOf(id, ClusterIdentity.SigningPurpose);
                    return;
                }
            }
            catch (ClusterUnavailableException)
            {
                // The control plane is out of reach: without it nothing can be looked up either.
            }
            await Task.Delay(Retry, time, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
