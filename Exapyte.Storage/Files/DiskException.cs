namespace Exapyte.Storage.Files;

/// <summary>The disk refused an operation.</summary>
/// <param name="message">What was tried on which path, and what the system answered.</param>
/// <param name="errno">The system's error number; see the HResult of the cause where the runtime raised it.</param>
/// <param name="inner">The cause, if the runtime raised one.</param>
public sealed class DiskException(string message, int errno, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>EIO of every POSIX system.</summary>
    public const int InputOutput = 5;

    /// <summary>ENOSPC of every POSIX system.</summary>
    public const int NoSpace = 28;

    const int QuotaLinux = 122;
    const int QuotaMac = 69;
    const int WindowsDiskFull = unchecked((int)0x80070070);
    const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    /// <summary>The system's error number.</summary>
    public int Errno { get; } = errno;

    /// <summary>Whether space (or quota) ran out, which passes once space returns.</summary>
    public bool IsDiskFull =>
        Errno == NoSpace
        || (Errno == QuotaLinux && OperatingSystem.IsLinux())
        || (Errno == QuotaMac && OperatingSystem.IsMacOS())
        || Errno is WindowsDiskFull or WindowsHandleDiskFull;

    internal static DiskException From(string what, string path, Exception cause) =>
        cause as DiskException ?? new($"{what} {path}: {cause.Message}", cause.HResult, cause);
}
