using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Exapyte.Hosting.Clustering;

/// <summary>
/// Tells the operator in one line each when a node comes, leaves or is declared dead. Orleans reports the same with a
/// warning for every connection that failed on the way, which is why those categories are kept down.
/// </summary>
internal sealed partial class NodeWatch(IClusterMembershipService membership, ILogger<NodeWatch> logger)
    : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Dictionary<SiloAddress, SiloStatus> known = [];
        try
        {
            await foreach (
                ClusterMembershipSnapshot snapshot in membership.MembershipUpdates.WithCancellation(stoppingToken)
            )
            {
                foreach ((SiloAddress address, ClusterMember member) in snapshot.Members)
                {
                    bool isNew = !known.TryGetValue(address, out SiloStatus before);
                    known[address] = member.Status;
                    bool isHistory = isNew && member.Status == SiloStatus.Dead;
                    if (!isHistory && (isNew || before != member.Status))
                        Report(member, before);
                }
                foreach (SiloAddress address in known.Keys.Where(a => !snapshot.Members.ContainsKey(a)).ToArray())
                    known.Remove(address);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested) { }
    }

    private void Report(ClusterMember member, SiloStatus before)
    {
        switch (member.Status)
        {
            case SiloStatus.Active:
                LogActive(member.Name, member.SiloAddress);
                break;
            case SiloStatus.ShuttingDown or SiloStatus.Stopping when before == SiloStatus.Active:
                LogLeaving(member.Name, member.SiloAddress);
                break;
            case SiloStatus.Dead when before == SiloStatus.Active:
                LogDeclaredDead(member.Name, member.SiloAddress);
                break;
            case SiloStatus.Dead:
                LogLeft(member.Name, member.SiloAddress);
                break;
            default:
                break;
        }
    }

    [LoggerMessage(LogLevel.Information, "Node {Node} is active at {Address}.")]
    private partial void LogActive(string node, SiloAddress address);

    [LoggerMessage(LogLevel.Information, "Node {Node} at {Address} is leaving.")]
    private partial void LogLeaving(string node, SiloAddress address);

    [LoggerMessage(LogLevel.Information, "Node {Node} at {Address} has left.")]
    private partial void LogLeft(string node, SiloAddress address);

    [LoggerMessage(LogLevel.Warning, "Node {Node} at {Address} was declared dead.")]
    private partial void LogDeclaredDead(string node, SiloAddress address);
}
