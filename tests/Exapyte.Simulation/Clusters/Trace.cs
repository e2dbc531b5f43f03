using System.Runtime.CompilerServices;

namespace Exapyte.Simulation.Clusters;

/// <summary>What happened, as a number that two runs of one seed must share, and as text where somebody wants to read it.</summary>
internal sealed class Trace(TextWriter? text)
{
    public ulong Hash { get; private set; } = 0xCBF2_9CE4_8422_2325;

    public bool IsRead => text is not null;

    public long NowUs { get; set; }

    public void Mix(ulong number)
    {
        Hash = (Hash ^ number) * 0x9E37_79B9_7F4A_7C15;
        Hash ^= Hash >> 29;
    }

    public void Note([InterpolatedStringHandlerArgument("")] ref NoteHandler note)
    {
        text?.WriteLine($"{NowUs / 1_000_000.0:F6} {note.ToStringAndClear()}");
    }

    /// <summary>Builds the text only where somebody reads it.</summary>
    [InterpolatedStringHandler]
    public ref struct NoteHandler
    {
        private DefaultInterpolatedStringHandler inner;
        private readonly bool isRead;

        public NoteHandler(int literalLength, int formattedCount, Trace trace, out bool isRead)
        {
            this.isRead = isRead = trace.IsRead;
            inner = isRead ? new(literalLength, formattedCount) : default;
        }

        public void AppendLiteral(string literal) => inner.AppendLiteral(literal);

        public void AppendFormatted<T>(T value) => inner.AppendFormatted(value);

        public void AppendFormatted<T>(T value, string? format) => inner.AppendFormatted(value, format);

        public string ToStringAndClear() => isRead ? inner.ToStringAndClear() : "";
    }
}
