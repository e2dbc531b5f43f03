using System.Formats.Tar;
using System.IO.Compression;

namespace Exapyte.Testing.Formats;

/// <summary>
/// Data folders that earlier versions wrote, as they lay on the disk. Format 1: node <c>n1</c>, keyspaces <c>accounts</c>
/// (raft) and <c>carts</c> (quorum), of two shards and one replica each. Both have <c>key-0</c> to <c>key-39</c> with
/// <c>value 0</c> and so on, but for <c>key-3</c> and <c>key-7</c>, which were deleted; every eighth from <c>key-2</c> on ended
/// within a second, every fourth from <c>key-1</c> on has some years to live. Every fifth of <c>accounts</c> was put under an
/// idempotency key, <c>request-0</c> and so on, remembered for a day; <c>key-0</c> was overwritten; a batch put <c>b1</c> and
/// <c>b2</c>. Then <c>late</c> was put, and the process killed: it is in the log, and not in the store.
/// </summary>
public static class DataFolderArchive
{
    /// <summary>Unpacks the folder of a format.</summary>
    /// <param name="format">1 or more.</param>
    /// <param name="into">A folder, which is made.</param>
    public static void Unpack(int format, string into)
    {
        Directory.CreateDirectory(into);
        using var file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "Formats", $"data-folder-{format}.tgz"));
        using var archive = new GZipStream(file, CompressionMode.Decompress);
        TarFile.ExtractToDirectory(archive, into, overwriteFiles: true);
    }
}
