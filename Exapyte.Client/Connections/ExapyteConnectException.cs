namespace Exapyte.Client;

/// <summary>No node of a cluster could be reached. The message says what was found at each address.</summary>
public sealed class ExapyteConnectException : Exception
{
    internal ExapyteConnectException(string message, Exception? cause)
        : base(message, cause) { }
}
