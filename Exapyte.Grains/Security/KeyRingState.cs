using Exapyte.Security;

namespace Exapyte.Grains.Security;

/// <summary>What the control plane remembers of keys. Immutable: a change makes another, which counts once it is stored.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.key-ring-state")]
public sealed record KeyRingState
{
    private const int RetiredRootsMax = 100;

    /// <summary>Rises with every change.</summary>
    [Id(0)]
    public long Epoch { get; init; }

    /// <summary>The keys in force, by id.</summary>
    [Id(1)]
    public ApiKey[] Keys { get; init; } = [];

    /// <summary>Whether there ever was a root key: a second one is made only where a person asks for it.</summary>
    [Id(2)]
    public bool HadRoot { get; init; }

    /// <summary>Hashes of root keys that were replaced or revoked: a node's old setting does not bring one back.</summary>
    [Id(3)]
    public ReadOnlyMemory<byte>[] RetiredRoots { get; init; } = [];

    /// <summary>As nodes get it.</summary>
    public KeyRing Ring => new() { Epoch = Epoch, Keys = Keys };

    /// <summary>Whether a root key with this hash was in force before and is not any more.</summary>
    public bool HasRetired(ReadOnlySpan<byte> hash)
    {
        foreach (var retired in RetiredRoots)
        {
            if (retired.Span.SequenceEqual(hash))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>With the key entered, in the place of one of the same id.</summary>
    public KeyRingState With(ApiKey key) =>
        Without(key.Id) with
        {
            Epoch = Epoch + 1,
            HadRoot = HadRoot || key.Id == KeyRules.RootId,
            Keys =
            [
                .. Keys.Where(other => other.Id != key.Id).Append(key).OrderBy(one => one.Id, StringComparer.Ordinal),
            ],
        };

    /// <summary>Without the key.</summary>
    public KeyRingState Without(string id) =>
        this with
        {
            Epoch = Epoch + 1,
            Keys = Array.FindAll(Keys, key => key.Id != id),
            RetiredRoots =
            [
                .. RetiredRoots
                    .Concat(Keys.Where(key => key.Id == id && id == KeyRules.RootId).Select(key => key.SecretHash))
                    .TakeLast(RetiredRootsMax),
            ],
        };
}
