using Exapyte.Grains.Fields;

namespace Exapyte.Grains.Replicas.Scrubs;

/// <summary>Which scrub of a shard: its id and its place in the log.</summary>
internal readonly record struct ScrubKey(ulong Id, ulong Index);

/// <summary>What a member found: the digest of its state, or why it could not read it.</summary>
internal sealed record ScrubAnswer(ScrubKey Key, UInt128 Digest, string? Damage)
{
    private const int DamageCharactersMax = 400;

    /// <summary>Encodes the answer; a long reason is cut.</summary>
    public byte[] Encode()
    {
        var damage = Damage is { Length: > DamageCharactersMax } ? Damage[..DamageCharactersMax] : Damage ?? "";
        var buffer = new byte[(4 * sizeof(ulong)) + 1 + SpanWriter.TextBytes(damage)];
        var writer = new SpanWriter(buffer);
        writer.UInt64(Key.Id);
        writer.UInt64(Key.Index);
        writer.UInt64((ulong)(Digest >> 64));
        writer.UInt64((ulong)Digest);
        writer.Byte(Damage is null ? (byte)0 : (byte)1);
        writer.Text(damage);
        return buffer;
    }

    /// <summary>Decodes an answer; null where the bytes are none.</summary>
    public static ScrubAnswer? Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        var key = new ScrubKey(reader.UInt64(), reader.UInt64());
        var digest = new UInt128(reader.UInt64(), reader.UInt64());
        var isDamaged = reader.Byte() != 0;
        var damage = reader.Text();
        return reader.AtEnd ? new(key, digest, isDamaged ? damage : null) : null;
    }
}

/// <summary>What a scrub says of one member.</summary>
internal enum ScrubOutcome : byte
{
    /// <summary>Nothing yet.</summary>
    Running = 0,

    /// <summary>Its state is that of a majority of the voters.</summary>
    Agrees = 1,

    /// <summary>Its state is not that of a majority, or cannot be read: it is to be replaced.</summary>
    Damaged = 2,

    /// <summary>The voters differ and no majority of them agrees: nobody can tell who is right.</summary>
    NoMajority = 3,

    /// <summary>Too few voters answered in time; those who did agree.</summary>
    Incomplete = 4,

    /// <summary>The node had too much to scrub, or the replica stopped.</summary>
    Skipped = 5,
}

/// <summary>A leader's answer to a member's <see cref="ScrubAnswer"/>.</summary>
internal readonly record struct ScrubVerdict(ScrubKey Key, ScrubOutcome Outcome)
{
    /// <summary>Encodes the verdict.</summary>
    public byte[] Encode()
    {
        var buffer = new byte[(2 * sizeof(ulong)) + 1];
        var writer = new SpanWriter(buffer);
        writer.UInt64(Key.Id);
        writer.UInt64(Key.Index);
        writer.Byte((byte)Outcome);
        return buffer;
    }

    /// <summary>Decodes a verdict; null where the bytes are none that this version knows.</summary>
    public static ScrubVerdict? Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        var verdict = new ScrubVerdict(new(reader.UInt64(), reader.UInt64()), (ScrubOutcome)reader.Byte());
        return reader.AtEnd && Enum.IsDefined(verdict.Outcome) ? verdict : null;
    }
}
