using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace Exapyte.Hosting.Clustering;

/// <summary>
/// Bounds how long a leaving node tries to write its row: Orleans reads the limit of a join for that too, and five
/// minutes are no way to stop. The others declare the node dead when the row was not written.
/// </summary>
internal sealed class LeaveLimit(IOptions<ClusterMembershipOptions> options, IHostApplicationLifetime lifetime)
    : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>After this no further try begins; Orleans pauses one to three seconds before it looks.</summary>
    private static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(1);

    public void Participate(ISiloLifecycle lifecycle) =>
        lifetime.ApplicationStopping.Register(() => options.Value.MaxJoinAttemptTime = LeaveTimeout);
}
