using System.Reflection;
using Exapyte.Grains.Placement;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Exapyte.Grains.Hosting;

/// <summary>
/// Registers the node with the control plane once its silo is active, and holds start-up until that is done: what
/// starts later may rely on it. Asks again with growing waits while the control plane is out of reach. Thread-safe.
/// </summary>
/// <remarks>
/// Whenever a member of the cluster has gone, the first of the live nodes registers anew: that wakes the control plane
/// where it died with that member, and with it every keyspace that has something left to do.
/// </remarks>
public sealed partial class NodeRegistrar : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    /// <summary>The stage of the silo's start at which the node registers; what needs a registered node starts later.</summary>
    public const int Stage = ServiceLifecycleStage.Active + 100;

    private static readonly TimeSpan RetryMin = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RetryMax = TimeSpan.FromSeconds(5);

    private readonly TaskCompletionSource<RegisterReply> registered = new(
        TaskCreationOptions.RunContinuationsAsynchronously
    );
    private readonly CancellationTokenSource stopping = new();
    private readonly IGrainFactory grains;
    private readonly IClusterMembershipService membership;
    private readonly NodeMap nodes;
    private readonly INodeRefusal refusal;
    private readonly TimeProvider time;
    private readonly ILogger<NodeRegistrar> logger;

    private Task watching = Task.CompletedTask;

    /// <summary>A registrar of the node in the options.</summary>
    internal NodeRegistrar(
        IGrainFactory grains,
        IClusterMembershipService membership,
        NodeMap nodes,
        INodeRefusal refusal,
        TimeProvider time,
        IOptions<ExapyteNodeOptions> options,
        ILogger<NodeRegistrar> logger
    )
    {
        this.grains = grains;
        this.membership = membership;
        this.nodes = nodes;
        this.refusal = refusal;
        this.time = time;
        this.logger = logger;
        Registration = new()
        {
            Node = options.Value.Node,
            StoreId = options.Value.StoreId,
            Region = options.Value.Region,
            Zone = options.Value.Zone,
            Weight = options.Value.Weight,
            HttpAddress = options.Value.HttpAddress,
            ClusterId = options.Value.ClusterId,
            SoftwareVersion = SoftwareVersion,
        };
    }

    /// <summary>What the node says of itself.</summary>
    public NodeRegistration Registration { get; }

    /// <summary>
    /// Completes with the cluster's id and nodes once the node is registered; fails with
    /// <see cref="NodeRefusedException"/> where it is refused, and is cancelled where start-up is.
    /// </summary>
    public Task<RegisterReply> Registered => registered.Task;

    /// <summary>
    /// A key that all nodes of this cluster derive alike and no caller knows, for signing what callers hand back.
    /// </summary>
    /// <param name="purpose">What it is for; each purpose has its own key.</param>
    /// <exception cref="InvalidOperationException">The node is not registered yet.</exception>
    public byte[] ClusterKey(string purpose) =>
        registered.Task.IsCompletedSuccessfully
            ? ClusterIdentity.KeyOf(registered.Task.Result.ClusterId, purpose)
            : throw new InvalidOperationException("The node is not registered yet: it knows no cluster.");

    private static string SoftwareVersion =>
        typeof(NodeRegistrar).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? "";

    /// <inheritdoc/>
    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(NodeRegistrar), Stage, Start, Stop);

    private async Task Start(CancellationToken cancellationToken)
    {
        await Register(cancellationToken);
        if (registered.Task.IsCompletedSuccessfully)
        {
            watching = Task.Run(() => Watch(stopping.Token), CancellationToken.None);
        }
    }

    private async Task Stop(CancellationToken cancellationToken)
    {
        await stopping.CancelAsync();
        await watching.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task Watch(CancellationToken cancellationToken)
    {
        // A member that only shuts down still has its activations: what is woken there would go down with it.
        HashSet<SiloAddress> living = [];
        await foreach (var snapshot in membership.MembershipUpdates.WithCancellation(cancellationToken))
        {
            HashSet<SiloAddress> now =
            [
                .. snapshot
                    .Members.Values.Where(member => member.Status != SiloStatus.Dead)
                    .Select(member => member.SiloAddress),
            ];
            var someoneLeft = !living.IsSubsetOf(now);
            living = now;
            if (someoneLeft && nodes.Alive is [var first, ..] && first == Registration.Node)
            {
                LogWakes(logger, Registration.Node);
                await AskUntilAnswered(cancellationToken);
            }
        }
    }

    private async Task AskUntilAnswered(CancellationToken cancellationToken)
    {
        for (var wait = RetryMin; (await Ask()).Retryable; wait = Longer(wait))
        {
            await Task.Delay(wait, time, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => stopping.Dispose();

    private async Task Register(CancellationToken cancellationToken)
    {
        var wait = RetryMin;
        while (true)
        {
            var reply = await Ask();
            if (reply.Accepted)
            {
                LogRegistered(logger, Registration.Node, reply.Topology!.NodeEpoch);
                registered.TrySetResult(reply);
                return;
            }
            if (!reply.Retryable)
            {
                registered.TrySetException(new NodeRefusedException(Registration.Node, reply.Reason!));
                // Whoever awaits the task hears of it; nobody needs to.
                _ = registered.Task.Exception;
                refusal.Refused(Registration.Node, reply.Reason!);
                return;
            }
            LogNotYet(logger, Registration.Node, reply.Reason);
            try
            {
                await Task.Delay(wait, time, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                registered.TrySetCanceled(cancellationToken);
                throw;
            }
            wait = Longer(wait);
        }
    }

    private static TimeSpan Longer(TimeSpan wait) => wait * 2 < RetryMax ? wait * 2 : RetryMax;

    private async Task<RegisterReply> Ask()
    {
        try
        {
            return await grains.GetGrain<IControlPlaneGrain>(0).Register(Registration);
        }
        catch (Exception failure)
        {
            // Right after a silo joined or died a call can fail in many ways, and each is worth another try.
            return new()
            {
                Accepted = false,
                Retryable = true,
                Reason = failure.Message,
            };
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Node {Node} is registered at node epoch {NodeEpoch}")]
    private static partial void LogRegistered(ILogger logger, string node, long nodeEpoch);

    [LoggerMessage(Level = LogLevel.Information, Message = "A member left: node {Node} wakes the control plane")]
    private static partial void LogWakes(ILogger logger, string node);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Node {Node} is not registered yet: {Reason}")]
    private static partial void LogNotYet(ILogger logger, string node, string? reason);
}

/// <summary>Sets up the registration of a node.</summary>
public static class NodeRegistrarExtensions
{
    /// <summary>
    /// Adds <see cref="NodeRegistrar"/>. A host that is to end otherwise than by a failed start where the node is
    /// refused adds its own <see cref="INodeRefusal"/> first.
    /// </summary>
    public static ISiloBuilder AddNodeRegistrar(this ISiloBuilder builder)
    {
        var services = builder.Services;
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<INodeRefusal, FailStart>();
        services.AddOptions<ExapyteNodeOptions>();
        services.TryAddSingleton(static provider => new NodeRegistrar(
            provider.GetRequiredService<IGrainFactory>(),
            provider.GetRequiredService<IClusterMembershipService>(),
            provider.GetRequiredService<NodeMap>(),
            provider.GetRequiredService<INodeRefusal>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<IOptions<ExapyteNodeOptions>>(),
            provider.GetRequiredService<ILogger<NodeRegistrar>>()
        ));
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(static provider =>
            provider.GetRequiredService<NodeRegistrar>()
        );
        return builder;
    }
}
