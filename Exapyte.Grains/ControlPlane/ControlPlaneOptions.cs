namespace Exapyte.Grains.ControlPlane;

/// <summary>How patient the control plane is. The defaults suit production; tests shorten them.</summary>
public sealed class ControlPlaneOptions
{
    /// <summary>Name of the grain storage that holds the control plane's state.</summary>
    public const string Storage = "control";

    /// <summary>For how long one read or write of the control-plane database is awaited.</summary>
    public TimeSpan StorageTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>For how long one push of a map to a node is awaited.</summary>
    public TimeSpan PushTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>First wait before unfinished work is taken up again; each further wait is twice as long.</summary>
    public TimeSpan RetryMin { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest wait before unfinished work is taken up again.</summary>
    public TimeSpan RetryMax { get; set; } = TimeSpan.FromSeconds(5);
}
