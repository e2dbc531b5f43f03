using Exapyte.Wire;

namespace Exapyte.Grains.ControlPlane;

/// <summary>Tells failures of a grain call that are to be expected in a cluster from broken invariants.</summary>
internal static class CallFailures
{
    /// <summary>Whether the call failed because something was out of reach, dead, late or not available now.</summary>
    public static bool IsExpected(Exception failure) =>
        failure is ControlPlaneUnavailableException or INotSent or OrleansException or TimeoutException;
}
