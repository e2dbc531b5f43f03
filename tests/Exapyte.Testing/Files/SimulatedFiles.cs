using Exapyte.Storage.Files;

namespace Exapyte.Testing.Files;

/// <summary>The simulated machine has lost power or its process; nothing works until it is restarted.</summary>
public sealed class SimulatedCrashException() : Exception("simulated crash");

/// <summary>What is about to happen to a file or folder.</summary>
public enum FileAction
{
    Create,
    Write,
    Sync,
    SyncFolder,
    Rename,
    Delete,
    Read,
}

/// <summary>An operation about to happen: its place among those that change something, what it does, and to what.</summary>
public readonly record struct FileOperation(
    long Number,
    FileAction Action,
    string Path,
    long Offset = 0,
    int Bytes = 0
);

/// <summary>
/// A disk in memory that forgets like a real one. Reads see what was written (the page cache); a power cut keeps what was
/// synced, and of the rest any sectors it likes. Names survive once their folder was synced, and of later changes a prefix.
/// A failed sync drops what it should have written while reads still see it, and the next sync succeeds: as on Linux.
/// Not safe for concurrent use: simulations have one thread.
/// </summary>
public sealed class SimulatedFiles : IFiles
{
    public const int SectorBytes = 512;

    readonly Dictionary<string, SimulatedInode> _names = new(StringComparer.Ordinal);
    readonly Dictionary<string, SimulatedInode> _durableNames = new(StringComparer.Ordinal);
    readonly List<NameChange> _pendingNames = [];
    readonly HashSet<string> _folders = new(StringComparer.Ordinal);
    readonly HashSet<string> _locks = new(StringComparer.Ordinal);
    bool _crashed;

    /// <summary>Changes with every restart: handles opened before are dead.</summary>
    internal int Epoch { get; private set; }

    /// <summary>Operations so far that change something.</summary>
    public long Operations { get; private set; }

    /// <summary>
    /// Called before each operation. It may throw <see cref="DiskException"/> to have the disk refuse it, or
    /// <see cref="SimulatedCrashException"/> after <see cref="Crash"/>; it may <see cref="Clone"/> the disk.
    /// </summary>
    public Action<FileOperation>? Before { get; set; }

    /// <summary>Bytes that the disk holds; growing beyond fails with ENOSPC.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>Bytes allocated.</summary>
    public long UsedBytes => _names.Values.Sum(i => (long)i.View.Length);

    /// <summary>Nothing works from now on until <see cref="Restart"/> or <see cref="PowerCut"/>.</summary>
    public void Crash() => _crashed = true;

    /// <summary>The process ended and was started again: nothing written is lost.</summary>
    public void Restart()
    {
        Epoch++;
        _crashed = false;
        _locks.Clear();
    }

    /// <summary>The machine lost power and was started again.</summary>
    public void PowerCut(Random chance)
    {
        ArgumentNullException.ThrowIfNull(chance);
        var kept = _pendingNames.Count == 0 ? 0 : chance.Next(_pendingNames.Count + 1);
        ApplyPendingNames(kept);
        _pendingNames.Clear();
        _names.Clear();
        foreach (var (path, inode) in _durableNames)
            _names.Add(path, inode);
        foreach (var inode in _names.Values.Distinct())
            inode.LosePower(chance);
        Restart();
    }

    /// <summary>A copy of the disk with all that is pending; faults are not copied.</summary>
    public SimulatedFiles Clone()
    {
        var copy = new SimulatedFiles();
        var inodes = _names
            .Values.Concat(_durableNames.Values)
            .Concat(_pendingNames.Select(p => p.Inode))
            .OfType<SimulatedInode>();
        var copies = inodes.Distinct().ToDictionary(i => i, i => i.Clone());
        foreach (var (path, inode) in _names)
            copy._names.Add(path, copies[inode]);
        foreach (var (path, inode) in _durableNames)
            copy._durableNames.Add(path, copies[inode]);
        copy._pendingNames.AddRange(
            _pendingNames.Select(p => p with { Inode = p.Inode is null ? null : copies[p.Inode] })
        );
        copy._folders.UnionWith(_folders);
        copy.CapacityBytes = CapacityBytes;
        return copy;
    }

    /// <summary>Flips bits of a byte, on the medium and in the cache.</summary>
    public void Flip(string path, long offset, byte mask = 1) => _names[path].Flip(offset, mask);

    /// <summary>What reads would see.</summary>
    public ReadOnlySpan<byte> Content(string path) => _names[path].View;

    /// <summary>Puts a file there, durably.</summary>
    public void Put(string path, ReadOnlySpan<byte> content)
    {
        var inode = new SimulatedInode();
        inode.Write(0, content);
        inode.Sync();
        _names[path] = inode;
        _durableNames[path] = inode;
    }

    public void CreateFolder(string path)
    {
        for (string? folder = path; !string.IsNullOrEmpty(folder); folder = Path.GetDirectoryName(folder))
            _folders.Add(folder);
    }

    public IReadOnlyList<string> List(string folder)
    {
        ThrowIfCrashed();
        return
        [
            .. _names
                .Keys.Where(p => Path.GetDirectoryName(p) == folder)
                .Select(p => Path.GetFileName(p))
                .Order(StringComparer.Ordinal),
        ];
    }

    public bool Exists(string path) => _names.ContainsKey(path);

    public long Length(string path) => Find(path).View.Length;

    public IFile Open(string path, FileMode mode)
    {
        ThrowIfCrashed();
        if (!_names.TryGetValue(path, out var inode))
        {
            if (mode == FileMode.Open)
                throw new DiskException($"open {path}: no such file", 2);
            if (!_folders.Contains(Path.GetDirectoryName(path)!))
                throw new DiskException($"open {path}: no such folder", 2);
            Begin(FileAction.Create, path);
            inode = new SimulatedInode();
            _names.Add(path, inode);
            _pendingNames.Add(new NameChange(Path.GetDirectoryName(path)!, path, inode, From: null));
        }
        else if (mode == FileMode.CreateNew)
            throw new DiskException($"open {path}: file exists", 17);
        return new SimulatedFile(this, path, inode);
    }

    public void Rename(string from, string to)
    {
        Begin(FileAction.Rename, from);
        var inode = Find(from);
        _names.Remove(from);
        _names[to] = inode;
        _pendingNames.Add(new NameChange(Path.GetDirectoryName(to)!, to, inode, from));
    }

    public void Delete(string path)
    {
        if (!_names.ContainsKey(path))
            return;
        Begin(FileAction.Delete, path);
        _names.Remove(path);
        _pendingNames.Add(new NameChange(Path.GetDirectoryName(path)!, path, Inode: null, From: null));
    }

    public void SyncFolder(string folder)
    {
        Begin(FileAction.SyncFolder, folder);
        ApplyPendingNames(_pendingNames.Count);
        _pendingNames.Clear();
    }

    public IDisposable? TryLock(string path)
    {
        ThrowIfCrashed();
        return _locks.Add(path) ? new Held(this, path) : null;
    }

    internal void Begin(FileAction action, string path, long offset = 0, int bytes = 0)
    {
        ThrowIfCrashed();
        Before?.Invoke(
            new FileOperation(action == FileAction.Read ? Operations : ++Operations, action, path, offset, bytes)
        );
    }

    internal void ThrowIfCrashed()
    {
        if (_crashed)
            throw new SimulatedCrashException();
    }

    SimulatedInode Find(string path) =>
        _names.TryGetValue(path, out var inode) ? inode : throw new DiskException($"{path}: no such file", 2);

    /// <summary>A journal keeps the order of changes of names, so a prefix of them survives.</summary>
    void ApplyPendingNames(int count)
    {
        foreach (var change in _pendingNames.Take(count))
        {
            if (change.From is { } from)
                _durableNames.Remove(from);
            if (change.Inode is { } inode)
                _durableNames[change.Path] = inode;
            else
                _durableNames.Remove(change.Path);
        }
    }

    readonly record struct NameChange(string Folder, string Path, SimulatedInode? Inode, string? From);

    sealed class Held(SimulatedFiles files, string path) : IDisposable
    {
        readonly int _epoch = files.Epoch;

        public void Dispose()
        {
            if (_epoch == files.Epoch)
                files._locks.Remove(path);
        }
    }
}
