namespace Exapyte.Storage.Files;

/// <summary>
/// The seam between this house and the disk, so that a test can lose, tear and rot what was written. Every member throws
/// <see cref="DiskException"/> when the disk refuses; none swallows an error. Members are safe to call from any thread.
/// </summary>
/// <remarks>
/// What a caller may rely on after a power cut: bytes written and then <see cref="IFile.DataSync"/>ed; names created,
/// renamed or deleted and then <see cref="SyncFolder"/>ed. Anything else may be there, be missing or be torn.
/// </remarks>
public interface IFiles
{
    /// <summary>Creates the folder and its parents, durably, unless they exist.</summary>
    void CreateFolder(string path);

    /// <summary>Names (without folder) of the files in a folder, in no particular order; empty if it does not exist.</summary>
    IReadOnlyList<string> List(string folder);

    /// <summary>Whether a file of this path exists.</summary>
    bool Exists(string path);

    /// <summary>Length of a file in bytes.</summary>
    long Length(string path);

    /// <summary>
    /// Throws the <see cref="DiskException"/> of a full disk where less is free. A file system that cannot tell lets it pass.
    /// </summary>
    void RequireSpace(string folder, long bytes) { }

    /// <summary>Opens a file for positional reads and writes. <see cref="FileMode.CreateNew"/> refuses an existing one.</summary>
    IFile Open(string path, FileMode mode);

    /// <summary>Renames a file, replacing the target. Durable after <see cref="SyncFolder"/>.</summary>
    void Rename(string from, string to);

    /// <summary>Deletes a file; no error if it is absent. Durable after <see cref="SyncFolder"/>.</summary>
    void Delete(string path);

    /// <summary>Makes the names in a folder durable.</summary>
    void SyncFolder(string folder);

    /// <summary>Locks a file (created if absent) against every other opener; null while somebody else holds it.</summary>
    IDisposable? TryLock(string path);
}

/// <summary>An open file of <see cref="IFiles"/>. Reads are safe beside each other and beside writes to other ranges.</summary>
public interface IFile : IDisposable
{
    /// <summary>Path under which the file was opened.</summary>
    string Path { get; }

    /// <summary>Length in bytes.</summary>
    long Length { get; }

    /// <summary>Reads until <paramref name="into"/> is full or the file ends; returns the number of bytes read.</summary>
    int Read(long offset, Span<byte> into);

    /// <summary>Writes all bytes at an offset, growing the file as needed. Durable only after <see cref="DataSync"/>.</summary>
    void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>
    /// Waits until everything written is on the device. A failure means that what was written since the last success may
    /// be lost for good: a later success does not bring it back.
    /// </summary>
    void DataSync();
}
