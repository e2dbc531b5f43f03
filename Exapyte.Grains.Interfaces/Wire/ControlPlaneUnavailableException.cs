namespace Exapyte.Wire;

/// <summary>
/// The control plane cannot answer now: its database is out of reach, or another activation changed its state first.
/// Nothing was changed that the caller was told of; the call may be repeated.
/// </summary>
[GenerateSerializer, Alias("exapyte.control-plane-unavailable")]
public sealed class ControlPlaneUnavailableException(string message) : Exception(message)
{
    /// <summary>What it would have to read is damaged: asking again helps only once it has been restored.</summary>
    [Id(0)]
    public bool IsOfDamage { get; init; }
}
