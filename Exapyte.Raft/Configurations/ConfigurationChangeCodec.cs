using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Exapyte.Raft;

/// <summary>
/// The format of configuration changes, version 1: version, transition, then the number of changes as a varint, and for each
/// its kind and its member as a varint. Safe for use by several threads.
/// </summary>
public static class ConfigurationChangeCodec
{
    const byte Version = 1;
    const int ChangeBytesMin = 2;

    /// <summary>The bytes of a change.</summary>
    public static byte[] Encode(ConfigurationChange change)
    {
        ArgumentNullException.ThrowIfNull(change);
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new VarintWriter(buffer);
        writer.Byte(Version);
        writer.Byte((byte)change.Transition);
        writer.Number((ulong)change.Changes.Length);
        foreach (var step in change.Changes)
        {
            writer.Byte((byte)step.Kind);
            writer.Number(step.Member.Value);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads what fills <paramref name="bytes"/>. False if that is no change; it never throws.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out ConfigurationChange? change)
    {
        change = null;
        var reader = new VarintReader(bytes);
        if (reader.Byte() != Version)
        {
            return false;
        }

        var transition = (ConfigurationTransition)reader.Byte();
        var count = reader.Count(ChangeBytesMin);
        if (transition > ConfigurationTransition.JointExplicitLeave || count > ConfigurationChange.ChangesMax)
        {
            return false;
        }

        var changes = ImmutableArray.CreateBuilder<MemberChange>(count);
        for (var i = 0; i < count; i++)
        {
            var kind = (MemberChangeKind)reader.Byte();
            if (kind is < MemberChangeKind.AddVoter or > MemberChangeKind.Remove)
            {
                return false;
            }

            changes.Add(new MemberChange(kind, new MemberId(reader.Number())));
        }

        if (!reader.IsComplete)
        {
            return false;
        }

        change = new ConfigurationChange(changes.MoveToImmutable(), transition);
        return true;
    }
}
