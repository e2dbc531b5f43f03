using System.Globalization;

namespace Exapyte.Testing.Processes;

/// <summary>Gives a child process a wall clock that is wrong; its monotonic clock stays as it is.</summary>
public static class WallClock
{
    static readonly string[] s_folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];

    /// <summary>The environment of a process whose clock differs from this machine's by so much.</summary>
    /// <exception cref="InvalidOperationException">libfaketime is not installed.</exception>
    public static IReadOnlyList<string> ShiftedBy(TimeSpan shift) =>
        [
            $"LD_PRELOAD={Library()}",
            string.Create(CultureInfo.InvariantCulture, $"FAKETIME={shift.TotalSeconds:+0.000;-0.000}"),
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "DONT_FAKE_MONOTONIC=1",
        ];

    static string Library() =>
        s_folders.Select(folder => Path.Combine(folder, "faketime", "libfaketime.so.1")).FirstOrDefault(File.Exists)
        ?? throw new InvalidOperationException(
            "This test needs 'libfaketime'. Install it: apt-get install -y faketime"
        );
}
