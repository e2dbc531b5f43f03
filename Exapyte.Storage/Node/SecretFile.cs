using System.Text;
using Exapyte.Storage.Files;

namespace Exapyte.Storage.Node;

/// <summary>A small file that only its owner may read, from the moment it is there.</summary>
static class SecretFile
{
    public static void Write(IFiles files, string path, string text)
    {
        var temporary = path + AtomicFile.TemporarySuffix;
        files.Delete(temporary);
        Create(temporary);
        using (var file = files.Open(temporary, FileMode.Open))
        {
            file.Write(0, Encoding.UTF8.GetBytes(text + "\n"));
            file.DataSync();
        }
        files.Rename(temporary, path);
        files.SyncFolder(Path.GetDirectoryName(path)!);
    }

    public static string? Read(IFiles files, string path) =>
        files.Exists(path) ? Encoding.UTF8.GetString(AtomicFile.Read(files, path)).Trim() : null;

    static void Create(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        new FileStream(path, options).Dispose();
    }
}
