namespace Exapyte.Client;

/// <summary>The control plane could not be reached in time. Nothing was changed by the call that threw this.</summary>
public sealed class ClusterUnavailableException(string message, Exception? innerException = null)
    : Exception(message, innerException);
