using System.Runtime.InteropServices;
using System.Text;
using Exapyte.Testing.Processes;

namespace Exapyte.Cluster.Tests.LargeStores;

/// <summary>What a run saw, in the form of the records in <c>benchmarks/results</c>.</summary>
sealed class LargeStoreReport(EntrySet entries)
{
    readonly List<(string What, string Figure)> _rows = [];

    public void Add(string what, string figure) => _rows.Add((what, figure));

    public void Add(string what, TimeSpan took) => Add(what, $"{took.TotalSeconds:0.00} s");

    public void AddBytes(string what, long bytes) => Add(what, $"{bytes / 1e6:N0} MB");

    /// <summary>A line each.</summary>
    public override string ToString() => string.Join('\n', _rows.Select(row => $"{row.What}: {row.Figure}"));

    /// <summary>Writes a record to a file, whose first line is left to whoever commits it.</summary>
    public async Task RecordAsync(string file)
    {
        var text = new StringBuilder()
            .AppendLine($"# A node with {entries.Count:N0} entries of {EntrySet.ValueBytes} B")
            .AppendLine()
            .AppendLine(
                $"**Claim**: a node with {entries.Count:N0} entries opens again after kill -9, stays within its memory, and gives back "
                    + "what an overwrite of all of it leaves behind."
            )
            .AppendLine()
            .AppendLine($"**Machine**: {Machine()}")
            .AppendLine()
            .AppendLine($"**Commit**: {await CommitAsync()}")
            .AppendLine()
            .AppendLine(
                $"**Command**: `EXAPYTE_ENTRIES={entries.Count} EXAPYTE_RECORD=<file> dotnet run -c Release --project "
                    + $"tests/Exapyte.Cluster.Tests -- --filter-class {typeof(LargeStoreTests).FullName}`"
            )
            .AppendLine()
            .AppendLine("| what | figure |")
            .AppendLine("|---|---|");
        foreach (var (what, figure) in _rows)
            text.AppendLine($"| {what} | {figure} |");
        text.AppendLine()
            .AppendLine(
                "**What it does not show**: one run; load and node share the cores; the files are in the page cache when the node "
                    + "opens them again, for killing a process leaves that as it is; values are random bytes that do not compress."
            );
        await File.WriteAllTextAsync(file, text.ToString());
    }

    static string Machine()
    {
        var cpu = File.ReadLines("/proc/cpuinfo")
            .First(line => line.StartsWith("model name", StringComparison.Ordinal));
        var temporary = Path.GetTempPath();
        var disk = DriveInfo
            .GetDrives()
            .Where(drive => temporary.StartsWith(drive.Name, StringComparison.Ordinal))
            .MaxBy(drive => drive.Name.Length);
        return $"{Environment.ProcessorCount} cores, {cpu[(cpu.IndexOf(':') + 1)..].Trim()}, "
            + $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024 * 1024)} MiB, {disk?.DriveFormat}, "
            + $"Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}, {RuntimeInformation.FrameworkDescription}";
    }

    static async Task<string> CommitAsync() =>
        (
            await ChildProcess.RunAsync(
                SystemTool.Find("git", "git"),
                ["-C", AppContext.BaseDirectory, "rev-parse", "--short", "HEAD"],
                ClusterTestEnvironment.Deadline
            )
        ).Trim();
}
