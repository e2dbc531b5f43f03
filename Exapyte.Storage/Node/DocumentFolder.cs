using System.Buffers.Binary;
using System.Text.RegularExpressions;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;

namespace Exapyte.Storage.Node;

/// <summary>
/// Named documents, one file each.
/// <code>
///  0 4 magic "EXDC"   4 4 format   8 4 content bytes   12 4 checksum of format, length, name and content
/// 16   content
/// </code>
/// </summary>
sealed partial class DocumentFolder(string path, IFiles files)
{
    const int HeaderBytes = 16;
    const uint Format = 1;

    readonly Lock _gate = new();

    static ReadOnlySpan<byte> Magic => "EXDC"u8;

    /// <summary>Creates the folder and removes what writes that never ended left.</summary>
    public void Create()
    {
        files.CreateFolder(path);
        foreach (
            var name in files.List(path).Where(n => n.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal))
        )
            files.Delete(Path.Combine(path, name));
    }

    public void Write(string name, ReadOnlySpan<byte> content)
    {
        var file = new byte[HeaderBytes + content.Length];
        Magic.CopyTo(file);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(4), Format);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(8), content.Length);
        content.CopyTo(file.AsSpan(HeaderBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(12), Checksum(name, file));
        lock (_gate)
            AtomicFile.Write(files, PathOf(name), file);
    }

    public byte[]? Read(string name)
    {
        byte[] file;
        lock (_gate)
        {
            if (!files.Exists(PathOf(name)))
                return null;
            file = AtomicFile.Read(files, PathOf(name));
        }
        if (file.Length < HeaderBytes || !file.AsSpan().StartsWith(Magic))
            throw Damaged(name);
        var format = BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(4));
        if (BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(12)) != Checksum(name, file))
            throw Damaged(name);
        if (format > Format)
            throw new DataFolderException(
                $"{PathOf(name)} has format {format}, this version reads {Format}: upgrade the node"
            );
        return BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(8)) == file.Length - HeaderBytes
            ? file[HeaderBytes..]
            : throw Damaged(name);
    }

    public void Delete(string name)
    {
        lock (_gate)
        {
            if (!files.Exists(PathOf(name)))
                return;
            files.Delete(PathOf(name));
            files.SyncFolder(path);
        }
    }

    public IReadOnlyList<string> List()
    {
        lock (_gate)
            return
            [
                .. files
                    .List(path)
                    .Where(n => !n.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal))
                    .Order(),
            ];
    }

    string PathOf(string name) =>
        NamePattern().IsMatch(name) && !name.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal)
            ? Path.Combine(path, name)
            : throw new ArgumentException(
                $"'{name}' is no document name: letters, digits, '.', '-' and '_'",
                nameof(name)
            );

    /// <summary>Covers the name, so that a file copied over another is noticed.</summary>
    static uint Checksum(string name, ReadOnlySpan<byte> file)
    {
        var checksum = LogChecksum.Compute(0, file[4..12]);
        checksum = LogChecksum.Compute(checksum, System.Text.Encoding.UTF8.GetBytes(name));
        return LogChecksum.Compute(checksum, file[HeaderBytes..]);
    }

    DataFolderException Damaged(string name) =>
        new($"document {PathOf(name)} is damaged: restore it, or delete it if it can be fetched again");

    [GeneratedRegex(
        "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$",
        RegexOptions.CultureInvariant,
        matchTimeoutMilliseconds: 1000
    )]
    private static partial Regex NamePattern();
}
