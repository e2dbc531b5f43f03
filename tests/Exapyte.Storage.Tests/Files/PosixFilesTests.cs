using Exapyte.Storage.Files;
using Xunit;

namespace Exapyte.Storage.Tests.Files;

public sealed class PosixFilesTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("exapyte-files-").FullName;

    static PosixFiles Real => PosixFiles.Instance;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_written_anywhere_in_a_file_is_read_back()
    {
        using var file = Real.Open(In("f"), FileMode.CreateNew);
        file.Write(10, "world"u8);
        file.Write(0, "hello"u8);
        file.DataSync();
        var into = new byte[20];

        Assert.Equal(15, file.Read(0, into));
        Assert.Equal("hello\0\0\0\0\0world"u8.ToArray(), into[..15]);
        Assert.Equal(0, file.Read(15, into));
        Assert.Equal(15, file.Length);
        Assert.Equal(15, Real.Length(In("f")));
    }

    [Fact]
    public void Names_are_created_renamed_listed_and_deleted()
    {
        Real.CreateFolder(In("a/b/c"));
        Real.Open(In("a/b/c/one"), FileMode.CreateNew).Dispose();
        Real.Open(In("a/b/c/two"), FileMode.CreateNew).Dispose();
        Real.Rename(In("a/b/c/one"), In("a/b/c/two"));
        Real.SyncFolder(In("a/b/c"));
        Assert.Equal(["two"], Real.List(In("a/b/c")));
        Real.Delete(In("a/b/c/two"));
        Real.Delete(In("a/b/c/two"));
        Assert.Empty(Real.List(In("a/b/c")));
        Assert.Empty(Real.List(In("absent")));
        Assert.False(Real.Exists(In("a/b/c/two")));
    }

    [Fact]
    public void Refusals_of_the_disk_are_disk_exceptions()
    {
        Assert.Throws<DiskException>(() => Real.Open(In("absent"), FileMode.Open));
        Assert.Throws<DiskException>(() => Real.Rename(In("absent"), In("x")));
        Real.Open(In("f"), FileMode.CreateNew).Dispose();
        Assert.Throws<DiskException>(() => Real.Open(In("f"), FileMode.CreateNew));
    }

    [Fact]
    public void A_failed_sync_is_not_swallowed()
    {
        if (OperatingSystem.IsWindows())
            return; // Names are journaled there; nothing is synced that could fail.
        var refusal = Assert.Throws<DiskException>(() => Real.SyncFolder(In("absent")));
        Assert.Equal(2, refusal.Errno);
        // The null device of Linux has no data to sync and says so: EINVAL.
        if (!OperatingSystem.IsLinux())
            return;
        using var device = Real.Open("/dev/null", FileMode.Open);
        Assert.Equal(22, Assert.Throws<DiskException>(device.DataSync).Errno);
    }

    [Fact]
    public void A_full_device_is_told_from_a_failing_one()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var full = Real.Open("/dev/full", FileMode.Open);
        var refusal = Assert.Throws<DiskException>(() => full.Write(0, "x"u8));
        Assert.True(refusal.IsDiskFull);
        Assert.False(new DiskException("", DiskException.InputOutput).IsDiskFull);
    }

    [Fact]
    public void A_lock_is_held_by_one_until_it_is_let_go()
    {
        var held = Real.TryLock(In("LOCK"));
        Assert.NotNull(held);
        Assert.Null(Real.TryLock(In("LOCK")));
        held.Dispose();
        using var again = Real.TryLock(In("LOCK"));
        Assert.NotNull(again);
        Assert.Throws<DiskException>(() => Real.TryLock(In("absent/LOCK")));
    }

    string In(string name) => Path.Combine(_folder, name);
}
