using Exapyte.Wire;

namespace Exapyte.Client.Lanes;

/// <summary>Tells from an exception of a grain call whether the call may have been executed. In doubt it may.</summary>
/// <remarks>
/// Read from the sources of Orleans 10. Between silos a plain <see cref="OrleansMessageRejectionException"/> is made only
/// for messages that were never handed to a connection or never to an activation (no connection could be opened, the
/// target is stopping, load is shed); a message that was being written when its connection broke is failed with the
/// derived <see cref="SiloUnavailableException"/>, as is a call whose silo died while it ran, so that one proves nothing.
/// An Orleans client outside of a silo sends a message that was being written <em>again</em> by itself and may then see
/// the second copy rejected: there no rejection proves anything.
/// </remarks>
internal sealed class CallFailures(bool insideSilo)
{
    public AttemptKind Classify(Exception exception)
    {
        if (exception is INotSent)
        {
            return AttemptKind.NotSent;
        }
        // The exact type: derived ones mean something else.
        if (insideSilo && exception.GetType() == typeof(OrleansMessageRejectionException))
        {
            return AttemptKind.NotSent;
        }
        return AttemptKind.Failed;
    }
}
