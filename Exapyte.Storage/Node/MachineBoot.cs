namespace Exapyte.Storage.Node;

/// <summary>Tells one boot of the machine from another. Thread-safe.</summary>
public static class MachineBoot
{
    const string Path = "/proc/sys/kernel/random/boot_id";

    /// <summary>The id of this boot: while it is the same, the monotonic clock has gone on. Empty where the system tells none.</summary>
    public static string ReadId()
    {
        try
        {
            return File.Exists(Path) ? File.ReadAllText(Path).Trim() : "";
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
