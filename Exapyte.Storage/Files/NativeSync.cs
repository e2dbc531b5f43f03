using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Exapyte.Storage.Files;

/// <summary>
/// Flushing with the result checked. The runtime's own flush ignores what the disk answers (an EIO injected with strace
/// went unseen), so durability calls the system itself.
/// </summary>
static partial class NativeSync
{
    const int Interrupted = 4;
    const int NotSupportedMac = 45;
    const int InvalidArgument = 22;
    const int FullSyncMac = 51;
    const int CloseOnExecLinux = 0x80000;
    const int CloseOnExecMac = 0x1000000;

    public static void SyncData(SafeFileHandle file, string path)
    {
        if (OperatingSystem.IsWindows())
        {
            if (!FlushFileBuffers(file))
                throw Failure("flush", path, Marshal.GetHRForLastWin32Error());
            return;
        }
        Retry(OperatingSystem.IsMacOS() ? FullSync : FDataSync, file, "sync", path);
    }

    /// <summary>Windows journals names itself and offers no call for it; elsewhere the folder is opened and synced.</summary>
    public static void SyncFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        using var handle = OpenFolder(folder);
        Retry(OperatingSystem.IsMacOS() ? FullSync : FSync, handle, "sync folder", folder);
    }

    static SafeFileHandle OpenFolder(string folder)
    {
        var flags = OperatingSystem.IsMacOS() ? CloseOnExecMac : CloseOnExecLinux;
        while (true)
        {
            var descriptor = Open(folder, flags);
            if (descriptor >= 0)
                return new SafeFileHandle(descriptor, ownsHandle: true);
            var errno = Marshal.GetLastPInvokeError();
            if (errno != Interrupted)
                throw Failure("open folder", folder, errno);
        }
    }

    static void Retry(Func<SafeFileHandle, int> call, SafeFileHandle file, string what, string path)
    {
        while (call(file) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno != Interrupted)
                throw Failure(what, path, errno);
        }
    }

    /// <summary>On macOS only F_FULLFSYNC reaches the medium; file systems that lack it get a plain fsync.</summary>
    static int FullSync(SafeFileHandle file)
    {
        if (FControl(file, FullSyncMac) == 0)
            return 0;
        return Marshal.GetLastPInvokeError() is NotSupportedMac or InvalidArgument ? FSync(file) : -1;
    }

    static DiskException Failure(string what, string path, int errno) =>
        new($"{what} {path}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})", errno);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FDataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FControl(SafeFileHandle file, int command);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("kernel32", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool FlushFileBuffers(SafeFileHandle file);
}
