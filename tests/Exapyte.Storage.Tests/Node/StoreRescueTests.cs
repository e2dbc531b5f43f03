using Exapyte.Storage.Files;
using Exapyte.Storage.Node;
using Exapyte.Storage.Stores;
using Exapyte.Storage.Tests.Stores;
using Xunit;

namespace Exapyte.Storage.Tests.Node;

public sealed class StoreRescueTests : IDisposable
{
    const ulong Whole = 3;
    const ulong Damaged = 4;

    static readonly DiskStoreOptions s_options = new() { MemoryBytesMax = 8 * 1024 * 1024, BallastBytes = 0 };

    readonly string _root = Directory.CreateTempSubdirectory("exapyte-rescue-").FullName;
    readonly List<string> _whole;

    public StoreRescueTests()
    {
        using var folder = DataFolder.Open(In("data"), "n1", PosixFiles.Instance);
        using var store = DiskStore.Open(folder.StorePath, s_options);
        Fill(store, Whole);
        store.Flush();
        Fill(store, Damaged);
        store.Flush();
        _whole = store.OpenShard(Whole).Describe();
        new StoreRescue(folder, PosixFiles.Instance).Mark("a block did not verify");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_store_that_never_broke_is_left_alone()
    {
        using var folder = DataFolder.Open(In("other"), "n1", PosixFiles.Instance);
        var rescue = new StoreRescue(folder, PosixFiles.Instance);
        Assert.Null(rescue.Reason);
        Assert.Empty(rescue.Run([Whole], s_options));
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public void All_that_can_be_read_takes_the_place_of_the_broken_store_and_what_cannot_is_kept_beside_it()
    {
        DamageNewestTable(In("data"));
        using var folder = DataFolder.Open(In("data"), "n1", PosixFiles.Instance);
        var rescue = new StoreRescue(folder, PosixFiles.Instance);
        Assert.Equal("a block did not verify", rescue.Reason);

        var unreadable = Assert.Single(rescue.Run([Whole, Damaged], s_options));

        Assert.Equal(Damaged, unreadable.Prefix);
        Assert.Contains(".sst", unreadable.Reason, StringComparison.Ordinal);
        Assert.Equal(unreadable, Assert.Single(rescue.Run([Whole, Damaged], s_options)));
        rescue.Done();
        Assert.Null(rescue.Reason);
        IsRescued(folder, kept: 1);
        using (var store = DiskStore.Open(folder.StorePath, s_options))
            Assert.Equal([Whole], store.ListPrefixes());
        rescue.DropKept();
        IsRescued(folder, kept: 0);
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public void Where_all_can_be_read_nothing_is_kept()
    {
        using var folder = DataFolder.Open(In("data"), "n1", PosixFiles.Instance);
        Assert.Empty(new StoreRescue(folder, PosixFiles.Instance).Run([Whole, Damaged], s_options));
        IsRescued(folder, kept: 0);
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public void A_crash_at_any_step_begins_anew_or_goes_on_and_ends_with_the_same_store()
    {
        DamageNewestTable(In("data"));
        var steps = 0;
        for (var crashed = true; crashed; steps++)
        {
            var data = In($"crash-{steps}");
            CopyFolder(In("data"), data);
            crashed = !TryRun(data, new CrashingFiles(steps));
            using var folder = DataFolder.Open(data, "n1", PosixFiles.Instance);
            var unreadable = new StoreRescue(folder, PosixFiles.Instance).Run([Whole, Damaged], s_options);
            Assert.Equal(Damaged, Assert.Single(unreadable).Prefix);
            IsRescued(folder, kept: 1);
        }
        Assert.InRange(steps, 8, 100);
    }

    [Fact]
    public void A_store_that_cannot_even_be_opened_is_refused_and_stays_as_it_is()
    {
        using var folder = DataFolder.Open(In("data"), "n1", PosixFiles.Instance);
        DestroyManifest(folder);
        var before = Directory.GetFiles(folder.StorePath).Order().ToArray();
        var rescue = new StoreRescue(folder, PosixFiles.Instance);
        Assert.Throws<StoreDamagedException>(() => rescue.Run([Whole, Damaged], s_options));
        Assert.NotNull(rescue.Reason);
        Assert.Equal(before, Directory.GetFiles(folder.StorePath).Order());
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public void A_store_that_cannot_even_be_opened_makes_room_for_an_empty_one_where_others_have_what_was_in_it()
    {
        using var folder = DataFolder.Open(In("data"), "n1", PosixFiles.Instance);
        DestroyManifest(folder);
        var rescue = new StoreRescue(folder, PosixFiles.Instance);

        var unreadable = rescue.Run([Whole, Damaged], s_options, canBeEmpty: true);

        Assert.Equal([Whole, Damaged], unreadable.Select(shard => shard.Prefix));
        Assert.Equal(unreadable, rescue.Run([Whole, Damaged], s_options, canBeEmpty: true));
        rescue.Done();
        using (var store = DiskStore.Open(folder.StorePath, s_options))
            Assert.Empty(store.ListPrefixes());
        Assert.Contains(
            Directory.GetFiles(Assert.Single(Directory.GetDirectories(folder.Path, "store.broken-*"))),
            file => file.EndsWith(".sst", StringComparison.Ordinal)
        );
    }

    static void DestroyManifest(DataFolder folder)
    {
        foreach (var manifest in Directory.GetFiles(folder.StorePath, "MANIFEST-*"))
            File.WriteAllBytes(manifest, new byte[new FileInfo(manifest).Length]);
    }

    static bool TryRun(string data, CrashingFiles files)
    {
        try
        {
            using var folder = DataFolder.Open(data, "n1", files);
            new StoreRescue(folder, files).Run([Whole, Damaged], s_options);
            return true;
        }
        catch (CrashException)
        {
            return false;
        }
    }

    void IsRescued(DataFolder folder, int kept)
    {
        using (var store = DiskStore.Open(folder.StorePath, s_options))
        {
            Assert.Contains(Whole, store.ListPrefixes());
            Assert.Equal(_whole, store.OpenShard(Whole).Describe());
        }
        Assert.Equal(kept, Directory.GetDirectories(folder.Path, "store.broken-*").Length);
        Assert.Empty(Directory.GetDirectories(folder.Path, "store.new"));
    }

    static void Fill(DiskStore store, ulong prefix)
    {
        var random = new Random((int)prefix);
        var shard = store.OpenShard(prefix);
        for (var number = 0; number < 100; number++)
        {
            var value = new byte[300];
            random.NextBytes(value);
            shard.Put(Entries.Key(number), Entries.Entry(value));
        }
    }

    static void DamageNewestTable(string data)
    {
        var table = Directory.GetFiles(Path.Combine(data, "store"), "*.sst").Order(StringComparer.Ordinal).Last();
        var bytes = File.ReadAllBytes(table);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(table, bytes);
    }

    static void CopyFolder(string from, string to)
    {
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    string In(string name) => Path.Combine(_root, name);

    sealed class CrashException : Exception;

    /// <summary>The real disk until so many operations that change names or make them durable; then the process is gone.</summary>
    sealed class CrashingFiles(int operations) : IFiles
    {
        int _left = operations;

        public void CreateFolder(string path) => PosixFiles.Instance.CreateFolder(path);

        public IReadOnlyList<string> List(string folder) => PosixFiles.Instance.List(folder);

        public bool Exists(string path) => PosixFiles.Instance.Exists(path);

        public long Length(string path) => PosixFiles.Instance.Length(path);

        public IFile Open(string path, FileMode mode) => PosixFiles.Instance.Open(path, mode);

        public void Rename(string from, string to) => Do(() => PosixFiles.Instance.Rename(from, to));

        public void Delete(string path) => Do(() => PosixFiles.Instance.Delete(path));

        public void SyncFolder(string folder) => Do(() => PosixFiles.Instance.SyncFolder(folder));

        public IDisposable? TryLock(string path) => PosixFiles.Instance.TryLock(path);

        void Do(Action action)
        {
            if (_left-- <= 0)
                throw new CrashException();
            action();
        }
    }
}
