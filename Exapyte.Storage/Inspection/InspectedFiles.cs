using Exapyte.Storage.Files;
using Microsoft.Win32.SafeHandles;

namespace Exapyte.Storage.Inspection;

/// <summary>
/// The real disk for whoever only looks: files are opened for reading, and what a start would write, sync or delete is
/// left undone. So an inspection runs the very code of a start and changes nothing, on a read-only mount too.
/// </summary>
sealed class InspectedFiles : IFiles
{
    public static InspectedFiles Instance { get; } = new();

    public void CreateFolder(string path) { }

    public IReadOnlyList<string> List(string folder) => PosixFiles.Instance.List(folder);

    public bool Exists(string path) => PosixFiles.Instance.Exists(path);

    public long Length(string path) => PosixFiles.Instance.Length(path);

    public IFile Open(string path, FileMode mode)
    {
        try
        {
            return new InspectedFile(path, File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw DiskException.From("open", path, cause);
        }
    }

    public void Rename(string from, string to) { }

    public void Delete(string path) { }

    public void SyncFolder(string folder) { }

    /// <summary>Takes the lock of a file that exists: with nobody there, nobody can hold it.</summary>
    public IDisposable? TryLock(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.None);
        }
        catch (FileNotFoundException)
        {
            return new MemoryStream();
        }
        catch (IOException)
        {
            return null;
        }
    }

    sealed class InspectedFile(string path, SafeFileHandle handle) : IFile
    {
        public string Path => path;

        public long Length => RandomAccess.GetLength(handle);

        public int Read(long offset, Span<byte> into)
        {
            try
            {
                var total = 0;
                for (int read; total < into.Length; total += read)
                {
                    read = RandomAccess.Read(handle, into[total..], offset + total);
                    if (read == 0)
                        break;
                }
                return total;
            }
            catch (IOException cause)
            {
                throw DiskException.From("read", path, cause);
            }
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes) { }

        public void DataSync() { }

        public void Dispose() => handle.Dispose();
    }
}
