using System.Text.Json;
using System.Text.Json.Serialization;
using Exapyte.Storage.Files;
using Exapyte.Storage.Stores;

namespace Exapyte.Storage.Node;

/// <summary>
/// Puts a new store in the place of one that broke (<see cref="StoreBrokenException"/>), at the start that follows. Each
/// step is durable before the next: the mark; the new store beside the old one; the mark that it is whole; the old one
/// renamed away; the new one renamed to its place. A crash before the second mark begins anew, one after it goes on.
/// </summary>
/// <remarks>
/// The broken store is deleted where all of it could be read. Otherwise it is kept, for what it still holds may be all there
/// is, until <see cref="DropKept"/>.
/// </remarks>
public sealed class StoreRescue(DataFolder folder, IFiles files)
{
    const string Document = "store-broken";
    const string NewName = DataFolder.StoreName + ".new";
    const string KeptPrefix = DataFolder.StoreName + ".broken-";

    string NewPath => Path.Combine(folder.Path, NewName);

    /// <summary>Remembers that the store broke; durable when it returns.</summary>
    /// <exception cref="DiskException">It is not remembered.</exception>
    public void Mark(string reason)
    {
        if (folder.ReadDocument(Document) is null)
            Write(new(reason, null));
    }

    /// <summary>Why the store must be rescued before it is opened; null where it need not be.</summary>
    /// <exception cref="DataFolderException">The mark does not verify.</exception>
    public string? Reason => Read()?.Reason;

    /// <summary>
    /// Rescues the store, or goes on with that. Nobody has it open. The answer is the same at every start until
    /// <see cref="Done"/>: what to do about the unreadable ones is to be made durable before.
    /// </summary>
    /// <param name="prefixes">The shard replicas that the log knows.</param>
    /// <param name="options">How stores are opened.</param>
    /// <param name="canBeEmpty">
    /// Whether an empty store may take the place of one that cannot even be opened: others hold what was in it.
    /// </param>
    /// <returns>The shard replicas that could not be read; empty also where nothing was to be rescued.</returns>
    /// <exception cref="StoreDamagedException">The store cannot be opened, and nothing may take its place.</exception>
    public IReadOnlyList<UnreadableShard> Run(
        IReadOnlyCollection<ulong> prefixes,
        DiskStoreOptions options,
        bool canBeEmpty = false
    )
    {
        if (Read() is not { } mark)
            return [];
        if (mark.Unreadable is null)
        {
            DeleteFolder(NewPath);
            mark = mark with { Unreadable = [.. Copy(prefixes, options, canBeEmpty)] };
            files.SyncFolder(NewPath);
            files.SyncFolder(folder.Path);
            Write(mark);
        }
        if (Directory.Exists(NewPath))
            Swap(isKept: mark.Unreadable!.Length > 0);
        return mark.Unreadable!;
    }

    /// <summary>What <see cref="Run"/> answered is taken care of.</summary>
    public void Done() => folder.DeleteDocument(Document);

    /// <summary>No replica misses anything any more: broken stores that were kept are deleted.</summary>
    public void DropKept()
    {
        foreach (var kept in Directory.GetDirectories(folder.Path, KeptPrefix + "*"))
            DeleteFolder(kept);
    }

    IEnumerable<UnreadableShard> Copy(IReadOnlyCollection<ulong> prefixes, DiskStoreOptions options, bool canBeEmpty)
    {
        try
        {
            // A ballast beside the ballast of the broken store would take the space that the copy needs.
            return StoreSalvage.Copy(
                folder.StorePath,
                NewPath,
                prefixes,
                options with
                {
                    BallastBytes = 0,
                    FlushesOnDispose = true,
                }
            );
        }
        catch (StoreDamagedException damage) when (canBeEmpty)
        {
            DeleteFolder(NewPath);
            Directory.CreateDirectory(NewPath);
            return prefixes.Distinct().Select(prefix => new UnreadableShard(prefix, damage.Message));
        }
    }

    void Swap(bool isKept)
    {
        var broken = FreeName();
        if (Directory.EnumerateFileSystemEntries(folder.StorePath).Any())
        {
            Rename(folder.StorePath, broken);
            files.SyncFolder(folder.Path);
        }
        else
        {
            // A crash came between the two renames, and the folder was made anew when the data folder was opened.
            Directory.Delete(folder.StorePath);
        }
        Rename(NewPath, folder.StorePath);
        files.SyncFolder(folder.Path);
        if (!isKept)
            DeleteFolder(broken);
    }

    string FreeName()
    {
        var number = 1;
        while (Directory.Exists(Path.Combine(folder.Path, $"{KeptPrefix}{number}")))
            number++;
        return Path.Combine(folder.Path, $"{KeptPrefix}{number}");
    }

    static void Rename(string from, string to)
    {
        try
        {
            Directory.Move(from, to);
        }
        catch (IOException cause)
        {
            throw DiskException.From("rename", from, cause);
        }
    }

    static void DeleteFolder(string path)
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
    }

    RescueMark? Read() =>
        folder.ReadDocument(Document) is { } bytes
            ? JsonSerializer.Deserialize(bytes, RescueJson.Default.RescueMark)
            : null;

    void Write(RescueMark mark) =>
        folder.WriteDocument(Document, JsonSerializer.SerializeToUtf8Bytes(mark, RescueJson.Default.RescueMark));
}

/// <summary>How far a rescue has come.</summary>
/// <param name="Reason">What broke the store.</param>
/// <param name="Unreadable">Set once the new store is whole.</param>
internal sealed record RescueMark(string Reason, UnreadableShard[]? Unreadable);

[JsonSerializable(typeof(RescueMark))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class RescueJson : JsonSerializerContext;
