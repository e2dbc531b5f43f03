using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Exapyte.Testing.Processes;

/// <summary>
/// A small ext4 file system of a test's own, in an image file behind a loop device: it can be filled, and it can lose
/// its power. Needs root.
/// </summary>
public sealed class LoopDisk : IAsyncDisposable
{
    /// <summary>EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32).</summary>
    const ulong ShutDown = 0x8004587d;

    /// <summary>EXT4_GOING_FLAGS_NOLOGFLUSH: neither data nor journal are flushed.</summary>
    const uint WithoutFlush = 2;

    const int OpenReadOnly = 0;
    const string FillerName = "filler";

    static readonly TimeSpan s_toolDeadline = TimeSpan.FromSeconds(60);

    readonly TemporaryFolder _folder = new("disk");
    bool _mounted;

    LoopDisk() { }

    /// <summary>Where it is mounted.</summary>
    public string Path => _folder.File("mounted");

    string Image => _folder.File("image");

    /// <summary>Makes a disk and mounts it. The image is sparse: only what is written takes space.</summary>
    public static async Task<LoopDisk> CreateAsync(int mebibytes)
    {
        SystemTool.RequireRoot("it mounts a file system");
        var disk = new LoopDisk();
        try
        {
            Directory.CreateDirectory(disk.Path);
            await RunAsync("truncate", "coreutils", "-s", $"{mebibytes}M", disk.Image);
            await RunAsync("mkfs.ext4", "e2fsprogs", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1", disk.Image);
            await disk.MountAsync();
            return disk;
        }
        catch
        {
            await disk.DisposeAsync();
            throw;
        }
    }

    /// <summary>Takes all space but so much. The space is reserved, not written.</summary>
    public Task FillAsync(int exceptMebibytes) =>
        RetryAsync(
            "the disk is filled",
            () =>
            {
                // Who writes to the disk meanwhile leaves less than was counted: then it is counted again.
                Free();
                var mebibytes = (new DriveInfo(Path).AvailableFreeSpace >> 20) - exceptMebibytes;
                var size = mebibytes.ToString(CultureInfo.InvariantCulture) + "MiB";
                return TryRunAsync("fallocate", "util-linux", "-l", size, System.IO.Path.Combine(Path, FillerName));
            }
        );

    /// <summary>Gives back what <see cref="FillAsync"/> took.</summary>
    public void Free() => File.Delete(System.IO.Path.Combine(Path, FillerName));

    /// <summary>
    /// The power goes: what is not on the device at this instant never gets there, and whoever goes on writing gets an
    /// error. Open files stay open until their owners end.
    /// </summary>
    public void CutPower()
    {
        using var folder = Open(Path);
        var flags = WithoutFlush;
        if (ioctl(folder, ShutDown, ref flags) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"The shutdown of {Path}");
    }

    /// <summary>Mounts what survived. Everybody who had files open must have ended.</summary>
    public async Task RemountAsync()
    {
        await UnmountAsync();
        // A copy: where another mount namespace still holds the dead file system, mounting its image again gets that one.
        var survived = Image + "-survived";
        await RunAsync("cp", "coreutils", "--sparse=always", Image, survived);
        File.Move(survived, Image, overwrite: true);
        await MountAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await UnmountAsync();
        _folder.Dispose();
    }

    async Task MountAsync()
    {
        // Commit only when asked: the journal's own timer would make durable what nobody synced.
        await RunAsync("mount", "util-linux", "-o", "loop,commit=600", Image, Path);
        _mounted = true;
    }

    async Task UnmountAsync()
    {
        if (!_mounted)
            return;
        // The kernel may close the last files of a process a moment after it is gone.
        await RetryAsync($"{Path} is unmounted", () => TryRunAsync("umount", "util-linux", Path));
        _mounted = false;
    }

    /// <param name="what">What is to be done.</param>
    /// <param name="attempt">Null once it is done, else why not.</param>
    static async Task RetryAsync(string what, Func<Task<string?>> attempt)
    {
        string? failure = null;
        await Poll.UntilAsync(
            what,
            s_toolDeadline,
            async () => (failure = await attempt()) is null,
            () => $"{failure}"
        );
    }

    /// <summary>Null, or what the program printed when it failed.</summary>
    static async Task<string?> TryRunAsync(string program, string package, params string[] arguments)
    {
        await using var child = new ChildProcess(SystemTool.Find(program, package), arguments);
        return await child.WaitForExitAsync(s_toolDeadline) == 0
            ? null
            : $"{program} {string.Join(' ', arguments)}: {child.Output}";
    }

    static async Task RunAsync(string program, string package, params string[] arguments) =>
        await ChildProcess.RunAsync(SystemTool.Find(program, package), arguments, s_toolDeadline);

    static SafeFileHandle Open(string path)
    {
        var handle = new SafeFileHandle(open(path, OpenReadOnly), ownsHandle: true);
        return handle.IsInvalid ? throw new Win32Exception(Marshal.GetLastPInvokeError(), path) : handle;
    }

    [DllImport(
        "libc",
        SetLastError = true,
        CharSet = CharSet.Ansi,
        BestFitMapping = false,
        ThrowOnUnmappableChar = true
    )]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int open(string path, int flags);

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int ioctl(SafeFileHandle file, ulong request, ref uint argument);
}
