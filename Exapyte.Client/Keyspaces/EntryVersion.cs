using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>
/// The version of an entry: what a later write may ask for. Opaque: it never means two contents, and its text can be kept and
/// read again. Immutable.
/// </summary>
public readonly record struct EntryVersion
{
    internal EntryVersion(VersionStamp stamp) => Stamp = stamp;

    internal VersionStamp Stamp { get; }

    /// <summary>Whether this is no version: what an absent entry has.</summary>
    public bool IsNone => Stamp.IsNone;

    /// <summary>Reads what <see cref="ToString"/> wrote; false for anything else.</summary>
    public static bool TryParse(string? text, out EntryVersion version)
    {
        version = default;
        if (text is null || !VersionStamp.TryParse(text, out var stamp))
        {
            return false;
        }
        version = new(stamp);
        return true;
    }

    /// <summary>The text that an ETag of the REST gateway holds.</summary>
    public override string ToString() => Stamp.ToString();
}
