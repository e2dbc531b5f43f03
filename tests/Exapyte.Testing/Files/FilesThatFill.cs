using Exapyte.Storage.Files;

namespace Exapyte.Testing.Files;

/// <summary>The machine's files, on a disk that is full whenever the test says so. Thread-safe.</summary>
public sealed class FilesThatFill : IFiles
{
    private volatile bool isFull;

    /// <summary>Whether nothing more can be written.</summary>
    public bool IsFull
    {
        get => isFull;
        set => isFull = value;
    }

    /// <inheritdoc/>
    public void CreateFolder(string path) => PosixFiles.Instance.CreateFolder(path);

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string folder) => PosixFiles.Instance.List(folder);

    /// <inheritdoc/>
    public bool Exists(string path) => PosixFiles.Instance.Exists(path);

    /// <inheritdoc/>
    public long Length(string path) => PosixFiles.Instance.Length(path);

    /// <inheritdoc/>
    public void RequireSpace(string folder, long bytes) => Require(folder);

    /// <inheritdoc/>
    public IFile Open(string path, FileMode mode) => new FileThatFills(this, PosixFiles.Instance.Open(path, mode));

    /// <inheritdoc/>
    public void Rename(string from, string to) => PosixFiles.Instance.Rename(from, to);

    /// <inheritdoc/>
    public void Delete(string path) => PosixFiles.Instance.Delete(path);

    /// <inheritdoc/>
    public void SyncFolder(string folder) => PosixFiles.Instance.SyncFolder(folder);

    /// <inheritdoc/>
    public IDisposable? TryLock(string path) => PosixFiles.Instance.TryLock(path);

    private void Require(string path)
    {
        if (isFull)
        {
            throw new DiskException($"write {path}: no space left on the disk of this test", DiskException.NoSpace);
        }
    }

    private sealed class FileThatFills(FilesThatFill files, IFile file) : IFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public int Read(long offset, Span<byte> into) => file.Read(offset, into);

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            files.Require(Path);
            file.Write(offset, bytes);
        }

        public void DataSync() => file.DataSync();

        public void Dispose() => file.Dispose();
    }
}
