using System.Runtime.InteropServices;

namespace Exapyte.Testing.Processes;

/// <summary>Programs of the system that a test cannot do without. A machine that lacks one fails the test and says so.</summary>
public static class SystemTool
{
    static readonly string[] s_folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"];

    /// <summary>The path of a program.</summary>
    /// <exception cref="InvalidOperationException">It is not there; the message says what to install.</exception>
    public static string Find(string program, string package) =>
        s_folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists)
        ?? throw new InvalidOperationException(
            $"This test needs '{program}'. Install it: apt-get install -y {package}"
        );

    /// <exception cref="InvalidOperationException">The test does not run as root.</exception>
    public static void RequireRoot(string why)
    {
        if (geteuid() != 0)
            throw new InvalidOperationException($"This test must run as root: {why}.");
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern uint geteuid();
}
