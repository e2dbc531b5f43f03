using Exapyte.Client;
using Exapyte.Wire;
using Orleans.Runtime;

namespace Exapyte.Testing.Clusters;

/// <summary>How a call may fail while nodes come and go. Whatever else is thrown is a fault, of the product or of a test.</summary>
public static class TransientFailures
{
    /// <summary>
    /// Whether the cluster, and not the question, stood in the way: a node or the control plane is away, its database is
    /// stopped, or an answer did not come in time.
    /// </summary>
    public static bool Include(Exception failure) =>
        failure
            is OrleansException
                or TimeoutException
                or INotSent
                or ControlPlaneUnavailableException
                or ClusterUnavailableException
                or ControlDatabaseStoppedException;
}

/// <summary>A <see cref="ControlDatabase"/> was asked while it was stopped, or lost an answer, as a test wanted.</summary>
public sealed class ControlDatabaseStoppedException(string message) : IOException(message);
