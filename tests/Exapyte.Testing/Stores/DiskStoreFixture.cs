using Exapyte.Storage.Stores;
using Microsoft.Extensions.Time.Testing;

namespace Exapyte.Testing.Stores;

/// <summary>
/// A disk store in a folder of its own, which goes with the fixture; it can be reopened, as after an orderly stop or as
/// after a crash, and its files can be damaged.
/// </summary>
public sealed class DiskStoreFixture : IDisposable
{
    /// <summary>The shard that <see cref="Shard"/> opens.</summary>
    public const ulong Prefix = 7;

    readonly DiskStoreOptions _options;
    readonly string _root;

    /// <summary>Opens a store with small memory and no ballast, unless other options are given.</summary>
    public DiskStoreFixture(DiskStoreOptions? options = null)
    {
        _options = options ?? new DiskStoreOptions { MemoryBytesMax = 8 * 1024 * 1024, BallastBytes = 0 };
        _root = Directory.CreateTempSubdirectory("exapyte-store-").FullName;
        Folder = Path.Combine(_root, "store");
        Store = DiskStore.Open(Folder, _options);
    }

    /// <summary>The store's folder.</summary>
    public string Folder { get; private set; }

    /// <summary>The store.</summary>
    public DiskStore Store { get; private set; }

    /// <summary>The shard that tests use where one is enough.</summary>
    public IShardStore Shard => Store.OpenShard(Prefix);

    /// <summary>A clock that only the test moves.</summary>
    public FakeTimeProvider Time { get; } = new(DateTimeOffset.UnixEpoch.AddDays(20_000));

    /// <summary>The clock's time in Unix milliseconds.</summary>
    public long NowMs => Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The table files, the oldest first.</summary>
    public IReadOnlyList<string> TableFiles => [.. Directory.GetFiles(Folder, "*.sst").Order(StringComparer.Ordinal)];

    /// <summary>Stops the store in an orderly way and opens it again.</summary>
    public void Reopen()
    {
        Store.Dispose();
        Store = DiskStore.Open(Folder, _options);
    }

    /// <summary>
    /// Continues with a copy of the folder made while the store was open: what a crash of the process would have left.
    /// Nothing may be writing.
    /// </summary>
    public void Crash()
    {
        string after = Path.Combine(_root, Path.GetRandomFileName());
        WaitUntilQuiet();
        Directory.CreateDirectory(after);
        foreach (string file in Directory.GetFiles(Folder))
            File.Copy(file, Path.Combine(after, Path.GetFileName(file)));
        Store.Dispose();
        Folder = after;
        Store = DiskStore.Open(Folder, _options);
    }

    /// <summary>Stops the store, changes each of its table files as told, and opens it again.</summary>
    public void DamageTables(Action<byte[]> damage)
    {
        Store.Dispose();
        foreach (string file in TableFiles)
        {
            byte[] bytes = File.ReadAllBytes(file);
            damage(bytes);
            File.WriteAllBytes(file, bytes);
        }
        Store = DiskStore.Open(Folder, _options);
    }

    /// <summary>Stops the store, changes one of its table files as told, and opens it again.</summary>
    public void DamageTable(string file, Action<byte[]> damage)
    {
        Store.Dispose();
        byte[] bytes = File.ReadAllBytes(file);
        damage(bytes);
        File.WriteAllBytes(file, bytes);
        Store = DiskStore.Open(Folder, _options);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Store.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    void WaitUntilQuiet()
    {
        bool isQuiet = SpinWait.SpinUntil(
            () => Store.Statistics is { RunningFlushes: 0, RunningCompactions: 0, PendingCompactionBytes: 0 },
            TimeSpan.FromSeconds(30)
        );
        if (!isQuiet)
            throw new TimeoutException("The store still flushes or compacts.");
    }
}
