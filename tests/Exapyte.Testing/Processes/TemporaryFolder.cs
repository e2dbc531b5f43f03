namespace Exapyte.Testing.Processes;

/// <summary>A folder of a test's own, deleted with everything in it when the test is done with it.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder(string purpose) => Path = Directory.CreateTempSubdirectory($"exapyte-{purpose}-").FullName;

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // The test removed it itself.
        }
    }
}
