using System.Diagnostics.CodeAnalysis;

namespace Exapyte.Queries.Indexes;

/// <summary>A chain of members below <c>doc</c> that an index is over, written <c>doc.a.b</c>. Immutable.</summary>
public sealed class IndexPath : IEquatable<IndexPath>
{
    /// <summary>Longest text of a path, in characters.</summary>
    public const int CharsMax = 256;

    private const string Root = "doc";

    private IndexPath(string[] names) => Names = names;

    /// <summary>The members, from the document inwards; at least one.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Reads <c>doc.a.b</c>; false where the text is no such chain.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out IndexPath? path)
    {
        path = null;
        if (text is null || text.Length > CharsMax)
        {
            return false;
        }
        var parts = text.Split('.');
        if (parts.Length < 2 || parts.Length > QueryLimits.DocumentLevelsMax || parts[0] != Root)
        {
            return false;
        }
        var names = parts[1..];
        if (!Array.TrueForAll(names, IsName))
        {
            return false;
        }
        path = new(names);
        return true;
    }

    /// <summary>Reads a path that is known to be one.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static IndexPath Parse(string text) =>
        TryParse(text, out var path) ? path : throw new FormatException($"'{text}' is no path of an index.");

    /// <inheritdoc/>
    public bool Equals(IndexPath? other) =>
        other is not null && Names.SequenceEqual(other.Names, StringComparer.Ordinal);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as IndexPath);

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(ToString());

    /// <summary>The path's text.</summary>
    public override string ToString() => $"{Root}.{string.Join('.', Names)}";

    private static bool IsName(string name) =>
        name.Length > 0
        && !char.IsAsciiDigit(name[0])
        && name.All(static c => char.IsAsciiLetterOrDigit(c) || c == '_');
}
