using System.Text;
using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Tests.Leaderless;

/// <summary>Stamped entries in few words.</summary>
internal static class Entries
{
    public static StampedEntry Put(string key, ulong revision, string value, ulong origin = 1) =>
        new()
        {
            Key = Bytes(key),
            Version = new(revision, origin),
            Value = Bytes(value),
            ModifiedMs = (long)revision,
        };

    public static StampedEntry Delete(string key, ulong revision, ulong origin = 1) =>
        new()
        {
            Key = Bytes(key),
            Version = new(revision, origin),
            Tombstone = true,
            ModifiedMs = (long)revision,
        };

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary><c>value@revision.origin</c>, <c>-@revision.origin</c> for a tombstone, nothing for nothing.</summary>
    public static string Text(this StampedEntry entry) =>
        entry.Version.IsNone ? ""
        : entry.Tombstone ? $"-@{entry.Version.Revision}.{entry.Version.Origin}"
        : $"{Encoding.UTF8.GetString(entry.Value.Span)}@{entry.Version.Revision}.{entry.Version.Origin}";
}
