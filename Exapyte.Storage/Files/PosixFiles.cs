using Microsoft.Win32.SafeHandles;

namespace Exapyte.Storage.Files;

/// <summary>The real disk. Linux and macOS by libc, Windows by its own flush.</summary>
public sealed class PosixFiles : IFiles
{
    /// <summary>The one instance; it has no state.</summary>
    public static PosixFiles Instance { get; } = new();

    /// <inheritdoc/>
    public void CreateFolder(string path)
    {
        if (Directory.Exists(path))
            return;
        var parent = Path.GetDirectoryName(Path.GetFullPath(path));
        if (parent is not null)
            CreateFolder(parent);
        Checked("create folder", path, static p => Directory.CreateDirectory(p));
        if (parent is not null)
            SyncFolder(parent);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string folder) =>
        Checked(
            "list",
            folder,
            static f =>
                Directory.Exists(f) ? Directory.EnumerateFiles(f).Select(p => Path.GetFileName(p)).ToArray() : []
        );

    /// <inheritdoc/>
    public bool Exists(string path) => File.Exists(path);

    /// <inheritdoc/>
    public long Length(string path) => Checked("measure", path, static p => new FileInfo(p).Length);

    /// <inheritdoc/>
    public void RequireSpace(string folder, long bytes)
    {
        var free = Checked("measure", folder, static f => new DriveInfo(f).AvailableFreeSpace);
        if (free < bytes)
            throw new DiskException(
                $"{folder}: {free >> 20} MiB are free, {bytes >> 20} MiB are needed",
                DiskException.NoSpace
            );
    }

    /// <inheritdoc/>
    public IFile Open(string path, FileMode mode)
    {
        var handle = Checked(
            "open",
            path,
            p => File.OpenHandle(p, mode, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete)
        );
        return new PosixFile(path, handle);
    }

    /// <inheritdoc/>
    public void Rename(string from, string to) =>
        Checked(
            "rename",
            from,
            p =>
            {
                File.Move(p, to, overwrite: true);
                return 0;
            }
        );

    /// <inheritdoc/>
    public void Delete(string path) =>
        Checked(
            "delete",
            path,
            static p =>
            {
                File.Delete(p);
                return 0;
            }
        );

    /// <inheritdoc/>
    public void SyncFolder(string folder) => NativeSync.SyncFolder(folder);

    /// <inheritdoc/>
    public IDisposable? TryLock(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException cause) when (IsHeldByAnother(cause.HResult))
        {
            return null;
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw DiskException.From("lock", path, cause);
        }
    }

    /// <summary>EWOULDBLOCK of Linux and of macOS, sharing and lock violation of Windows.</summary>
    static bool IsHeldByAnother(int code) =>
        code is 11 or 35 or unchecked((int)0x80070020) or unchecked((int)0x80070021);

    static T Checked<T>(string what, string path, Func<string, T> call)
    {
        try
        {
            return call(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw DiskException.From(what, path, cause);
        }
    }
}

sealed class PosixFile(string path, SafeFileHandle handle) : IFile
{
    public string Path => path;

    public long Length => RandomAccess.GetLength(handle);

    public int Read(long offset, Span<byte> into)
    {
        try
        {
            var total = 0;
            while (total < into.Length)
            {
                var read = RandomAccess.Read(handle, into[total..], offset + total);
                if (read == 0)
                    break;
                total += read;
            }
            return total;
        }
        catch (IOException cause)
        {
            throw DiskException.From("read", path, cause);
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        try
        {
            RandomAccess.Write(handle, bytes, offset);
        }
        catch (IOException cause)
        {
            throw DiskException.From("write", path, cause);
        }
    }

    public void DataSync() => NativeSync.SyncData(handle, path);

    public void Dispose() => handle.Dispose();
}
