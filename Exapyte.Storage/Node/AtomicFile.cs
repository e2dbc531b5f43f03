using Exapyte.Storage.Files;

namespace Exapyte.Storage.Node;

/// <summary>Small files replaced whole: written beside, synced, renamed over, and the folder synced.</summary>
static class AtomicFile
{
    public const string TemporarySuffix = ".tmp";

    public static void Write(IFiles files, string path, ReadOnlySpan<byte> content)
    {
        var temporary = path + TemporarySuffix;
        files.Delete(temporary);
        using (var file = files.Open(temporary, FileMode.CreateNew))
        {
            file.Write(0, content);
            file.DataSync();
        }
        files.Rename(temporary, path);
        files.SyncFolder(Path.GetDirectoryName(path)!);
    }

    public static byte[] Read(IFiles files, string path)
    {
        using var file = files.Open(path, FileMode.Open);
        var content = new byte[checked((int)file.Length)];
        var read = file.Read(0, content);
        return read == content.Length ? content : content[..read];
    }
}
