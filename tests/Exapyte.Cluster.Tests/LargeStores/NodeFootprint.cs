using System.Globalization;

namespace Exapyte.Cluster.Tests.LargeStores;

/// <summary>What a node's process takes of memory and disk, as Linux counts it. Sizes are bytes.</summary>
/// <param name="ResidentBytes">Resident memory now.</param>
/// <param name="ResidentPeakBytes">The most it has been.</param>
/// <param name="WrittenBytes">
/// Handed to the system for writing to files since the process began (<c>wchar</c>). The kernel's own <c>write_bytes</c>
/// counts a whole folio, up to megabytes, for a write that touches a part of it.
/// </param>
sealed record NodeFootprint(long ResidentBytes, long ResidentPeakBytes, long WrittenBytes)
{
    // Given up when the disk is full, and no data.
    static readonly string[] s_reserves = ["ballast", "reserve"];

    public static NodeFootprint Of(int processId)
    {
        var status = Fields($"/proc/{processId}/status");
        return new(
            Number(status["VmRSS"]) * 1024,
            Number(status["VmHWM"]) * 1024,
            Number(Fields($"/proc/{processId}/io")["wchar"])
        );
    }

    public static long LogBytes(string dataFolder) => BytesOf(Path.Combine(dataFolder, "log"));

    public static long StoreBytes(string dataFolder) => BytesOf(Path.Combine(dataFolder, "store"));

    /// <summary>Files come and go while they are counted; one that has gone takes nothing.</summary>
    static long BytesOf(string folder)
    {
        long bytes = 0;
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories))
        {
            try
            {
                bytes += s_reserves.Contains(file.Name) ? 0 : file.Length;
            }
            catch (FileNotFoundException)
            {
                continue;
            }
        }
        return bytes;
    }

    static Dictionary<string, string> Fields(string file) =>
        File.ReadLines(file)
            .Select(line => line.Split(':', 2))
            .ToDictionary(field => field[0], field => field[1].Trim(), StringComparer.Ordinal);

    static long Number(string field) => long.Parse(field.Split(' ')[0], CultureInfo.InvariantCulture);
}
