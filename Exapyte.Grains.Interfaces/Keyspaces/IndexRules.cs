using System.Buffers;

namespace Exapyte.Keyspaces;

/// <summary>What the indexes of a keyspace must be. Every check names every reason at once.</summary>
public static class IndexRules
{
    /// <summary>Longest path, in characters.</summary>
    public const int PathCharsMax = 256;

    private const int PathLevelsMax = 64;

    private static readonly SearchValues<char> MemberChars = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
    );

    /// <summary>Why the settings' indexes cannot be; empty where they can.</summary>
    public static IReadOnlyList<string> ReasonsAgainst(KeyspaceSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        List<string> reasons = [];
        var indexes = settings.Indexes?.Items ?? [];
        if (indexes.Length > 0 && settings.Replication != ReplicationKind.Raft)
        {
            reasons.Add("indexes go with replication raft only: replicas of other keyspaces do not keep them yet.");
        }
        if (indexes.Length > KeyspaceIndexes.IndexesMax)
        {
            reasons.Add($"indexes has {indexes.Length} indexes; a keyspace has at most {KeyspaceIndexes.IndexesMax}.");
        }
        HashSet<string> names = new(StringComparer.Ordinal);
        for (var at = 0; at < indexes.Length; at++)
        {
            AddReasons(reasons, $"indexes[{at}]", indexes[at]);
            if (!names.Add(indexes[at].Name))
            {
                reasons.Add($"indexes[{at}].name is that of another index: names are distinct.");
            }
        }
        return reasons;
    }

    /// <summary>Whether the text is a chain of members below <c>doc</c>, such as <c>doc.a.b</c>.</summary>
    public static bool IsPath(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var names = path.Split('.');
        return path.Length <= PathCharsMax
            && names.Length is >= 2 and <= PathLevelsMax
            && names[0] == "doc"
            && Array.TrueForAll(names, IsMember);
    }

    private static bool IsMember(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && !name.AsSpan().ContainsAnyExcept(MemberChars);

    private static void AddReasons(List<string> reasons, string at, KeyspaceIndex index)
    {
        if (!KeyspaceRules.IsName(index.Name))
        {
            reasons.Add(
                $"{at}.name must be 1 to {KeyspaceRules.NameCharsMax} of a-z 0-9 - _ ., with a letter or digit first."
            );
        }
        if (index.Paths.Length is 0 or > KeyspaceIndex.PathsMax)
        {
            reasons.Add($"{at}.paths must be 1 to {KeyspaceIndex.PathsMax} paths, not {index.Paths.Length}.");
        }
        for (var path = 0; path < index.Paths.Length; path++)
        {
            if (!IsPath(index.Paths[path]))
            {
                reasons.Add(
                    $"{at}.paths[{path}] must be members below doc, such as doc.address.city, of letters, digits and _, at most "
                        + $"{PathCharsMax} characters."
                );
            }
            else if (Array.IndexOf(index.Paths, index.Paths[path]) < path)
            {
                reasons.Add($"{at}.paths[{path}] is there already.");
            }
        }
    }
}
