namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// A file that only takes space. When the disk is full it is deleted, which leaves room to flush what is in memory,
/// or to open at all; RocksDB then resumes by itself. It is made again once there is enough space.
/// </summary>
/// <param name="folder">The store's folder.</param>
/// <param name="name">The file's name.</param>
/// <param name="bytes">Its size; 0 for none.</param>
/// <param name="spareFactor">How many times its size must be free for it to be made.</param>
internal sealed class Ballast(string folder, string name, long bytes, int spareFactor)
{
    readonly string _path = Path.Combine(folder, name);

    /// <summary>
    /// Makes the file where it is missing and the disk has enough left. Blocks are reserved, not
    /// written.
    /// </summary>
    public void Create()
    {
        if (bytes == 0 || File.Exists(_path) || FreeBytes() < spareFactor * bytes)
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
