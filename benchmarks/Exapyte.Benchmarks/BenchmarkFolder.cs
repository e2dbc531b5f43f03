namespace Exapyte.Benchmarks;

/// <summary>A folder on the disk that is measured (where <c>TMPDIR</c> says), gone when disposed.</summary>
internal sealed class BenchmarkFolder : IDisposable
{
    /// <summary>Where it is.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("exapyte-benchmark-").FullName;

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Path, recursive: true);
}
