using Exapyte.Storage.Files;

namespace Exapyte.Benchmarks;

/// <summary>
/// The least that durability costs: batches of a given size written one behind the other to a file whose blocks were
/// written before, as those of a recycled segment were, with one <c>fdatasync</c> each. At its end it starts over.
/// </summary>
internal sealed class BareFile : IDisposable
{
    private const int FileBytes = 64 << 20;
    private const int FillBytes = 4 << 20;

    private readonly IFile file;
    private readonly byte[] batch;
    private long at;

    /// <summary>Writes the whole file once and syncs it.</summary>
    public BareFile(string folder, int batchBytes)
    {
        file = PosixFiles.Instance.Open(Path.Combine(folder, $"bare-{batchBytes}"), FileMode.CreateNew);
        var filler = new byte[FillBytes];
        for (var from = 0L; from < FileBytes; from += FillBytes)
        {
            file.Write(from, filler);
            file.DataSync();
        }
        batch = GC.AllocateUninitializedArray<byte>(batchBytes, pinned: true);
        Random.Shared.NextBytes(batch);
    }

    /// <summary>Writes one batch and waits for the device.</summary>
    public void WriteBatch()
    {
        if (at + batch.Length > FileBytes)
        {
            at = 0;
        }
        file.Write(at, batch);
        file.DataSync();
        at += batch.Length;
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
