using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Exapyte.Raft;

/// <summary>
/// The stored format of configurations, version 1: version, flags (1 automatic leave), then as varints the index and four
/// lists (voters, outgoing voters, learners, next learners), each its length and the rising ids as differences. Safe for use
/// by several threads.
/// </summary>
public static class ConfigurationCodec
{
    const byte Version = 1;
    const byte AutoLeaveFlag = 1;

    /// <summary>The bytes of a configuration.</summary>
    public static byte[] Encode(Configuration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new VarintWriter(buffer);
        writer.Byte(Version);
        writer.Byte(configuration.AutoLeave ? AutoLeaveFlag : (byte)0);
        writer.Number(configuration.Index.Value);
        Write(writer, configuration.Voters);
        Write(writer, configuration.OutgoingVoters);
        Write(writer, configuration.Learners);
        Write(writer, configuration.LearnersNext);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads what fills <paramref name="bytes"/>. False if that is no configuration; it never throws.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out Configuration? configuration)
    {
        configuration = null;
        var reader = new VarintReader(bytes);
        if (reader.Byte() != Version)
        {
            return false;
        }

        var flags = reader.Byte();
        var index = new LogIndex(reader.Number());
        var voters = Read(ref reader);
        var outgoing = Read(ref reader);
        var learners = Read(ref reader);
        var learnersNext = Read(ref reader);
        return flags <= AutoLeaveFlag
            && reader.IsComplete
            && Configuration.TryCreate(
                index,
                voters,
                outgoing,
                learners,
                learnersNext,
                flags == AutoLeaveFlag,
                out configuration
            );
    }

    static void Write(VarintWriter writer, ImmutableArray<MemberId> members)
    {
        writer.Number((ulong)members.Length);
        var last = 0ul;
        foreach (var member in members)
        {
            writer.Number(member.Value - last);
            last = member.Value;
        }
    }

    static MemberId[] Read(ref VarintReader reader)
    {
        var count = reader.Count(bytesMin: 1);
        if (count > Configuration.MembersMax)
        {
            reader.Fail();
            return [];
        }

        var members = new MemberId[count];
        var last = 0ul;
        for (var i = 0; i < count; i++)
        {
            var step = reader.Number();
            if (step == 0 || last + step < last)
            {
                reader.Fail();
            }

            last += step;
            members[i] = new MemberId(last);
        }

        return members;
    }
}
