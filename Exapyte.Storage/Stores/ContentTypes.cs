using System.Text;
using System.Text.Unicode;

namespace Exapyte.Storage.Stores;

/// <summary>
/// Turns the bytes of a media type into a string without a new one each time: keyspaces use few types, so a small
/// direct-mapped table nearly always has it. A slot is overwritten whole, so races only cost a second string.
/// </summary>
internal static class ContentTypes
{
    static readonly string?[] Slots = new string?[256];

    public static bool TryDecode(ReadOnlySpan<byte> utf8, out string contentType)
    {
        contentType = "";
        if (utf8.IsEmpty)
            return true;
        ref string? slot = ref Slots[Checksum.Of(utf8) & 0xFF];
        if (slot is { } cached && Ascii.Equals(utf8, cached))
        {
            contentType = cached;
            return true;
        }
        if (!Utf8.IsValid(utf8))
            return false;
        slot = contentType = Encoding.UTF8.GetString(utf8);
        return true;
    }
}
