namespace Exapyte.Silo.Tests;

/// <summary>A folder of its own for one test, deleted after it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("exapyte-silo-");

    public string File(string name) => Path.Combine(folder.FullName, name);

    public void Dispose() => folder.Delete(recursive: true);
}
