namespace Exapyte.Storage.Log;

/// <summary>
/// A node's log as its replicas see it: <see cref="NodeLog"/> with a thread of its own, <see cref="SteppedNodeLog"/> for
/// whoever drives it step by step. Safe for any number of threads. Operations of one group take effect in the order of
/// submission.
/// </summary>
public interface INodeLog
{
    /// <summary>Whether anything can be made durable.</summary>
    LogHealth Health { get; }

    /// <summary>Counters and sizes.</summary>
    NodeLogStatistics Statistics { get; }

    /// <summary>Makes a group's state and entries durable.</summary>
    void Append(GroupAppend append);

    /// <summary>The log of a hosted group; throws if the node does not host it.</summary>
    GroupLog OpenGroup(GroupId id);

    /// <summary>Stores an opaque description of a hosted replica, which creates the group; kept while the group lives.</summary>
    void SetDescriptor(GroupId group, ReadOnlyMemory<byte> descriptor, ILogCompletion? completion = null);

    /// <summary>Forgets a group's entries through an index. Durable with the next batch.</summary>
    void Compact(GroupId group, ulong throughIndex, ulong term, ILogCompletion? completion = null);

    /// <summary>Ends a group. Remembered until <see cref="ForgetDestroyed"/>.</summary>
    void Destroy(GroupId group, ILogCompletion? completion = null);

    /// <summary>Forgets that a group was destroyed, once nothing of it is left in the state store.</summary>
    void ForgetDestroyed(GroupId group, ILogCompletion? completion = null);

    /// <summary>Forgets a group's entries and starts its log behind a snapshot that the state store holds durably.</summary>
    void SnapshotInstalled(
        GroupId group,
        ulong prefix,
        ulong index,
        ulong term,
        ReadOnlyMemory<byte> configuration,
        ILogCompletion? completion = null
    );

    /// <summary>Raises the node's clock high-water mark; a lower stamp leaves it.</summary>
    void SetClockHighWater(long stamp, ILogCompletion? completion = null);
}

/// <summary>Turns each operation into its command.</summary>
public abstract class NodeLogBase : INodeLog
{
    /// <inheritdoc/>
    public abstract LogHealth Health { get; }

    /// <inheritdoc/>
    public abstract NodeLogStatistics Statistics { get; }

    /// <inheritdoc/>
    public abstract GroupLog OpenGroup(GroupId id);

    /// <summary>Queues a command, or completes it with why it cannot.</summary>
    private protected abstract void Submit(LogCommand command);

    /// <inheritdoc/>
    public void Append(GroupAppend append)
    {
        ArgumentNullException.ThrowIfNull(append);
        Submit(append);
    }

    /// <inheritdoc/>
    public void SetDescriptor(GroupId group, ReadOnlyMemory<byte> descriptor, ILogCompletion? completion = null) =>
        Submit(new SetDescriptorCommand(descriptor) { Group = group, Completion = completion });

    /// <inheritdoc/>
    public void Compact(GroupId group, ulong throughIndex, ulong term, ILogCompletion? completion = null) =>
        Submit(
            new CompactCommand(throughIndex, term)
            {
                Group = group,
                Completion = completion,
                MustSync = false,
            }
        );

    /// <inheritdoc/>
    public void Destroy(GroupId group, ILogCompletion? completion = null) =>
        Submit(new DestroyCommand { Group = group, Completion = completion });

    /// <inheritdoc/>
    public void ForgetDestroyed(GroupId group, ILogCompletion? completion = null) =>
        Submit(
            new ForgetDestroyedCommand
            {
                Group = group,
                Completion = completion,
                MustSync = false,
            }
        );

    /// <inheritdoc/>
    public void SnapshotInstalled(
        GroupId group,
        ulong prefix,
        ulong index,
        ulong term,
        ReadOnlyMemory<byte> configuration,
        ILogCompletion? completion = null
    ) =>
        Submit(
            new SnapshotInstalledCommand(new SnapshotRecord(prefix, index, term, configuration))
            {
                Group = group,
                Completion = completion,
            }
        );

    /// <inheritdoc/>
    public void SetClockHighWater(long stamp, ILogCompletion? completion = null) =>
        Submit(new ClockHighWaterCommand(stamp) { Completion = completion });
}
