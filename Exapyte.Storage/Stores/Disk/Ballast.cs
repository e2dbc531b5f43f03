namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// A file that only takes space. When the disk is full it is deleted, which leaves room to flush what is in memory,
/// or to open at all; RocksDB then resumes by itself. It is made again once there is plenty of space.
/// </summary>
internal sealed class Ballast(string folder, long bytes)
{
    const int SpareFactor = 4;

    readonly string _path = Path.Combine(folder, "ballast");

    /// <summary>
    /// Makes the file where it is missing and the disk has several times its size left. Blocks are reserved, not
    /// written.
    /// </summary>
    public void Create()
    {
        if (bytes == 0 || File.Exists(_path) || FreeBytes() < SpareFactor * bytes)
            return;
        try
        {
            using var file = new FileStream(
                _path,
                new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    PreallocationSize = bytes,
                }
            );
            file.SetLength(bytes);
        }
        catch (IOException)
        {
            // Something else took the space meanwhile: the store works without ballast.
            Drop();
        }
    }

    /// <summary>Deletes the file, and says whether there was one.</summary>
    public bool Drop()
    {
        bool existed = File.Exists(_path);
        File.Delete(_path);
        return existed;
    }

    long FreeBytes() => new DriveInfo(folder).AvailableFreeSpace;
}
