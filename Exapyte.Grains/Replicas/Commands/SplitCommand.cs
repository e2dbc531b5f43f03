using Exapyte.Grains.Fields;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>A replica of the shard that is split, and that of the new shard which takes its place beside it.</summary>
/// <param name="Parent">The one.</param>
/// <param name="Child">The other, on the same node.</param>
internal readonly record struct SplitMember(MemberId Parent, MemberId Child);

/// <summary>
/// Cuts the shard at a key: what lies from there on is another shard's from this entry of the log on. Applied where shard and
/// group are still as the leader saw them, and else without effect, so that it may be proposed twice.
/// </summary>
internal sealed class SplitCommand : ShardCommand
{
    private const int MemberBytes = 2 * sizeof(ulong);

    /// <summary>The epoch of the map that names the new shard: an older one says nothing of it.</summary>
    public required long MapEpoch { get; init; }

    /// <summary>The shard's generation as of when it was proposed.</summary>
    public required ulong Generation { get; init; }

    /// <summary>The index of the configuration that the group had then; 0: the one that it was created with.</summary>
    public required LogIndex ConfigurationIndex { get; init; }

    /// <summary>The new shard's first key.</summary>
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>The new shard's id.</summary>
    public required ulong ChildShard { get; init; }

    /// <summary>The members of the group, all of them voters, and those of the new one.</summary>
    public required SplitMember[] Members { get; init; }

    /// <summary>The configuration that the new group begins with.</summary>
    public Configuration ChildConfiguration => Configuration.Of([.. Members.Select(member => member.Child)]);

    /// <summary>Writes what follows the stamp.</summary>
    public byte[] EncodeBody()
    {
        var body = new byte[
            (4 * sizeof(ulong)) + sizeof(int) + Key.Length + sizeof(int) + (Members.Length * MemberBytes)
        ];
        var writer = new SpanWriter(body);
        writer.Int64(MapEpoch);
        writer.UInt64(Generation);
        writer.UInt64(ConfigurationIndex.Value);
        writer.Bytes(Key.Span);
        writer.UInt64(ChildShard);
        writer.Int32(Members.Length);
        foreach (var member in Members)
        {
            writer.UInt64(member.Parent.Value);
            writer.UInt64(member.Child.Value);
        }
        return body;
    }

    /// <summary>Reads what <see cref="EncodeBody"/> wrote; null where it is not that.</summary>
    public static SplitCommand? Decode(long stampMs, ReadOnlyMemory<byte> body)
    {
        var reader = new SpanReader(body);
        var mapEpoch = reader.Int64();
        var generation = reader.UInt64();
        var configurationIndex = new LogIndex(reader.UInt64());
        var key = reader.Bytes();
        var child = reader.UInt64();
        var members = new SplitMember[reader.Count(MemberBytes)];
        for (var i = 0; i < members.Length; i++)
        {
            members[i] = new(new(reader.UInt64()), new(reader.UInt64()));
        }
        return !reader.AtEnd
            ? null
            : new()
            {
                StampMs = stampMs,
                MapEpoch = mapEpoch,
                Generation = generation,
                ConfigurationIndex = configurationIndex,
                Key = key,
                ChildShard = child,
                Members = members,
            };
    }
}
