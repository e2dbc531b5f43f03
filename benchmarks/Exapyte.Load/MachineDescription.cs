using System.Runtime.InteropServices;

namespace Exapyte.Load;

/// <summary>The machine a measurement belongs to; without it a number means nothing.</summary>
sealed record MachineDescription(int Cores, string Cpu, long MemoryMiB, string Kernel, string Disk, string Runtime)
{
    public static MachineDescription OfThisMachine() =>
        new(
            Environment.ProcessorCount,
            FirstField("/proc/cpuinfo", "model name"),
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024 * 1024),
            KernelRelease(),
            DiskOf(Environment.CurrentDirectory),
            RuntimeInformation.FrameworkDescription
        );

    static string FirstField(string file, string name)
    {
        var line = File.Exists(file)
            ? File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))
            : null;
        return line is null ? "unknown" : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }

    static string KernelRelease()
    {
        const string Release = "/proc/sys/kernel/osrelease";
        return File.Exists(Release) ? $"Linux {File.ReadAllText(Release).Trim()}" : RuntimeInformation.OSDescription;
    }

    static string DiskOf(string folder)
    {
        var drive = DriveInfo
            .GetDrives()
            .Where(drive => folder.StartsWith(drive.Name, StringComparison.Ordinal))
            .MaxBy(drive => drive.Name.Length);
        return drive is null ? "unknown" : $"{drive.DriveFormat}, {drive.AvailableFreeSpace / (1L << 30)} GiB free";
    }
}
