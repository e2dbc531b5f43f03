using System.Buffers.Binary;
using System.Security.Cryptography;
using Exapyte.Storage.Files;

namespace Exapyte.Storage.Node;

/// <summary>A data folder cannot be used; the message says why and what to do, in one line.</summary>
public sealed class DataFolderException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// The folder in which a node keeps everything. Held by one process at a time; remembers whose it is; names where the
/// log, the state store and the maps are; keeps small documents, each written whole or not at all.
/// </summary>
/// <remarks>Safe for any number of threads; writers of the same document take turns.</remarks>
public sealed class DataFolder : IDisposable
{
    internal const string LockName = "LOCK";
    internal const string IdentityName = "node.json";
    internal const string LogName = "log";
    internal const string StoreName = "store";
    internal const string DocumentsName = "documents";

    readonly IFiles _files;
    readonly IDisposable _lock;
    readonly DocumentFolder _documents;

    DataFolder(string path, string nodeId, ulong storeId, IFiles files, IDisposable held)
    {
        Path = path;
        NodeId = nodeId;
        StoreId = storeId;
        _files = files;
        _lock = held;
        _documents = new DocumentFolder(In(DocumentsName), files);
    }

    /// <summary>Random, given when the folder was first used: tells a wiped disk from the one before.</summary>
    public ulong StoreId { get; }

    /// <summary>The node that owns the folder.</summary>
    public string NodeId { get; }

    /// <summary>The folder, as an absolute path.</summary>
    public string Path { get; }

    /// <summary>Where the node log is.</summary>
    public string LogPath => In(LogName);

    /// <summary>Where the state store is.</summary>
    public string StorePath => In(StoreName);

    /// <summary>Locks a folder and checks that it belongs to the node, or makes it the node's if it is new.</summary>
    /// <exception cref="DataFolderException">In use, another node's, damaged, not writable, or of a newer version.</exception>
    public static DataFolder Open(string path, string nodeId, IFiles files)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentException.ThrowIfNullOrWhiteSpace(nodeId);
        ArgumentNullException.ThrowIfNull(files);
        path = System.IO.Path.GetFullPath(path);
        IDisposable? held = null;
        try
        {
            files.CreateFolder(path);
            held =
                files.TryLock(System.IO.Path.Combine(path, LockName))
                ?? throw new DataFolderException(
                    $"data folder {path} is in use by another process: stop it, or give this node a folder of its own"
                );
            var storeId = Identify(path, nodeId, files);
            var folder = new DataFolder(path, nodeId, storeId, files, held);
            folder.CreateSubfolders();
            return folder;
        }
        catch (DiskException cause)
        {
            held?.Dispose();
            throw new DataFolderException(Explain(path, cause), cause);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    /// <summary>Replaces a document; durable when it returns. Names are letters, digits, '.', '-' and '_', at most 100.</summary>
    /// <exception cref="DiskException">The old document, or the new one, stands.</exception>
    public void WriteDocument(string name, ReadOnlySpan<byte> content) => _documents.Write(name, content);

    /// <summary>A document as last written; null if there is none.</summary>
    /// <exception cref="DataFolderException">It does not verify.</exception>
    public byte[]? ReadDocument(string name) => _documents.Read(name);

    /// <summary>Deletes a document, if there is one; durable when it returns.</summary>
    public void DeleteDocument(string name) => _documents.Delete(name);

    /// <summary>Names of the documents, in order.</summary>
    public IReadOnlyList<string> ListDocuments() => _documents.List();

    /// <summary>Where a secret's file is.</summary>
    public string SecretPath(string name) => In(name + ".key");

    /// <summary>A secret's text; null if there is none.</summary>
    public string? ReadSecret(string name) => SecretFile.Read(_files, SecretPath(name));

    /// <summary>Writes a secret to a file that only its owner may read; durable when it returns.</summary>
    public void WriteSecret(string name, string text) => SecretFile.Write(_files, SecretPath(name), text);

    /// <summary>Deletes a secret's file, if there is one.</summary>
    public void DeleteSecret(string name) => _files.Delete(SecretPath(name));

    /// <summary>Lets another process have the folder.</summary>
    public void Dispose() => _lock.Dispose();

    void CreateSubfolders()
    {
        foreach (var folder in (ReadOnlySpan<string>)[LogPath, StorePath])
            _files.CreateFolder(folder);
        _documents.Create();
        _files.SyncFolder(Path);
    }

    static ulong Identify(string path, string nodeId, IFiles files)
    {
        var file = System.IO.Path.Combine(path, IdentityName);
        if (files.Exists(file))
        {
            var identity = NodeIdentity.Read(AtomicFile.Read(files, file), file);
            if (identity.NodeId != nodeId)
                throw new DataFolderException(
                    $"data folder {path} belongs to node '{identity.NodeId}', not '{nodeId}': correct the node id or the folder"
                );
            return identity.StoreId;
        }
        if (files.List(System.IO.Path.Combine(path, LogName)).Count > 0)
            throw new DataFolderException(
                $"data folder {path} has a log but no {IdentityName}: restore that file, or empty the folder and add the node as a new one"
            );
        var created = new NodeIdentity(nodeId, NewStoreId());
        AtomicFile.Write(files, file, created.Write());
        return created.StoreId;
    }

    static ulong NewStoreId()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(bytes);
        var id = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        return id == 0 ? 1 : id;
    }

    static string Explain(string path, DiskException cause) =>
        cause switch
        {
            { IsDiskFull: true } => $"data folder {path}: the disk is full: {cause.Message}",
            { InnerException: UnauthorizedAccessException } =>
                $"data folder {path} is not writable: check its owner and permissions ({cause.Message})",
            _ => $"data folder {path} cannot be used: check the path and the disk ({cause.Message})",
        };

    string In(string name) => System.IO.Path.Combine(Path, name);
}
