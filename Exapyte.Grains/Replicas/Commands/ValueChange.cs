using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// What a write makes of the entry that it finds, as every replica computes it alike: the value that is written, or why there is
/// none. Numbers and JSON are written by rules of this house, for the bytes must not depend on a library's version.
/// </summary>
internal readonly struct ValueChange
{
    private const string JsonType = "application/json";

    /// <summary>Why nothing is written; null where something is.</summary>
    public OutcomeKind? Refusal { get; private init; }

    /// <summary>The value.</summary>
    public ReadOnlyMemory<byte> Value { get; private init; }

    /// <summary>Its media type.</summary>
    public string ContentType { get; private init; }

    /// <summary>The number that it is, where it was counted up.</summary>
    public long? Number { get; private init; }

    /// <summary>Judges a write that is no delete.</summary>
    /// <param name="write">The write.</param>
    /// <param name="held">The entry where it lives, with its value unless the write is a put; null where there is none.</param>
    public static ValueChange Of(in CommandWrite write, in StoredEntry? held) =>
        write.Kind switch
        {
            OperationKind.Put => new() { Value = write.Value, ContentType = write.ContentType },
            OperationKind.Increment => Increment(write, held),
            OperationKind.Merge => Merge(write, held),
            _ => throw new InvalidOperationException($"A {write.Kind} writes no value."),
        };

    /// <summary>A number as it is written: decimal digits, a minus before one below zero.</summary>
    public static byte[] TextOf(long number) => Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));

    /// <summary>Reads a JSON number that is whole and fits into 64 bits, blanks around it passed over; null where it is none.</summary>
    public static long? NumberIn(ReadOnlySpan<byte> text)
    {
        var digits = text.Trim(" \t\r\n"u8);
        var first = digits is [(byte)'-', ..] ? 1 : 0;
        var isJson =
            digits.Length > first
            && !digits[first..].ContainsAnyExceptInRange((byte)'0', (byte)'9')
            && (digits[first] != (byte)'0' || digits.Length == first + 1);
        return isJson && Utf8Parser.TryParse(digits, out long number, out var read) && read == digits.Length
            ? number
            : null;
    }

    private static ValueChange Increment(in CommandWrite write, in StoredEntry? held)
    {
        if (
            NumberIn(write.Value.Span) is not { } by
            || (held is { } entry ? NumberIn(entry.Value.Span) : 0) is not { } before
        )
        {
            return new() { Refusal = OutcomeKind.NotAnInteger };
        }
        var sum = unchecked(before + by);
        if (((before ^ sum) & (by ^ sum)) < 0)
        {
            return new() { Refusal = OutcomeKind.OutOfRange };
        }
        return new()
        {
            Value = TextOf(sum),
            ContentType = held?.ContentType ?? JsonType,
            Number = sum,
        };
    }

    private static ValueChange Merge(in CommandWrite write, in StoredEntry? held) =>
        MergePatch.Apply(held?.Value, write.Value) is not { } merged ? new() { Refusal = OutcomeKind.NotJson }
        : merged.Length > Limits.ValueBytesMax ? new() { Refusal = OutcomeKind.ValueTooLarge }
        : new() { Value = merged, ContentType = held?.ContentType ?? JsonType };
}
