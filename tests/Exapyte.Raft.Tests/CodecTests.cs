using System.Buffers;
using System.Collections.Immutable;
using CsCheck;

namespace Exapyte.Raft.Tests;

public class CodecTests
{
    static readonly Gen<ulong> GenNumber = Gen.OneOf(Gen.ULong, Gen.ULong[0, 300]);

    static readonly Gen<LogEntry> GenEntry =
        from term in GenNumber
        from index in GenNumber
        from kind in Gen.Byte[0, 2]
        from payload in Gen.Byte.Array[0, 20]
        select new LogEntry(new Term(term), new LogIndex(index), (EntryKind)kind, payload);

    static readonly Gen<RaftMessage> GenMessage =
        from kind in Gen.Byte[1, 12]
        from numbers in GenNumber.Array[8]
        from reject in Gen.Bool
        from force in Gen.Bool
        from entries in GenEntry.Array[0, 5]
        select new RaftMessage
        {
            Kind = (RaftMessageKind)kind,
            From = new MemberId(numbers[0]),
            To = new MemberId(numbers[1]),
            Term = new Term(numbers[2]),
            Index = new LogIndex(numbers[3]),
            LogTerm = new Term(numbers[4]),
            Commit = new LogIndex(numbers[5]),
            RejectHint = new LogIndex(numbers[6]),
            Context = numbers[7],
            Reject = reject,
            Force = force,
            Entries = entries,
        };

    static readonly Gen<Configuration> GenConfiguration =
        from index in GenNumber
        from ids in Gen.ULong[1, 1000].HashSet[1, 12]
        from roles in Gen.Int[0, 4].Array[12]
        from autoLeave in Gen.Bool
        select Build(index, [.. ids.Select(id => new MemberId(id))], roles, autoLeave);

    static readonly Gen<ConfigurationChange> GenChange =
        from kinds in Gen.Byte[1, 3].Array[0, 6]
        from ids in GenNumber.Array[6]
        from transition in Gen.Byte[0, 2]
        select new ConfigurationChange(
            [.. kinds.Select((kind, i) => new MemberChange((MemberChangeKind)kind, new MemberId(ids[i])))],
            (ConfigurationTransition)transition
        );

    [Fact]
    public void A_message_survives_the_wire() =>
        GenMessage.Sample(message =>
        {
            Assert.True(RaftMessageCodec.TryDecode(Bytes(message), out var copy));
            Assert.Equal(
                (message.Kind, message.From, message.To, message.Term, message.Index, message.LogTerm, message.Commit),
                (copy.Kind, copy.From, copy.To, copy.Term, copy.Index, copy.LogTerm, copy.Commit)
            );
            Assert.Equal(
                (message.RejectHint, message.Context, message.Reject, message.Force),
                (copy.RejectHint, copy.Context, copy.Reject, copy.Force)
            );
            Assert.Equal(message.Entries.Select(Describe), copy.Entries.Select(Describe));
        });

    [Fact]
    public void Payloads_are_slices_of_what_was_received()
    {
        var bytes = Bytes(
            new RaftMessage
            {
                Kind = RaftMessageKind.Append,
                From = new MemberId(1),
                To = new MemberId(2),
                Entries = [new LogEntry(new Term(1), new LogIndex(1), EntryKind.Command, new byte[] { 42 })],
            }
        );

        Assert.True(RaftMessageCodec.TryDecode(bytes, out var message));
        bytes[^1] = 43;

        Assert.Equal(43, message.Entries[0].Payload.Span[0]);
    }

    [Fact]
    public void A_message_cut_short_or_with_bytes_behind_it_is_refused() =>
        GenMessage.Sample(message =>
        {
            var bytes = Bytes(message);
            for (var length = 0; length < bytes.Length; length++)
            {
                Assert.False(RaftMessageCodec.TryDecode(bytes.AsMemory(0, length), out _));
            }

            Assert.False(RaftMessageCodec.TryDecode((byte[])[.. bytes, 0], out _));
        });

    [Fact]
    public void No_bytes_make_any_decoder_throw() =>
        Gen
            .Byte.Array[0, 60]
            .Sample(bytes =>
            {
                byte[] versioned = [1, .. bytes];
                foreach (var input in (byte[][])[bytes, versioned])
                {
                    RaftMessageCodec.TryDecode(input, out _);
                    ConfigurationCodec.TryDecode(input, out _);
                    ConfigurationChangeCodec.TryDecode(input, out _);
                }
            });

    [Fact]
    public void A_damaged_message_is_refused_or_still_a_message() =>
        Gen.Select(GenMessage, Gen.Int, Gen.Byte)
            .Sample(
                (message, place, damage) =>
                {
                    var bytes = Bytes(message);
                    bytes[(int)((uint)place % (uint)bytes.Length)] ^= damage;
                    if (RaftMessageCodec.TryDecode(bytes, out var copy))
                    {
                        Assert.True(RaftMessageCodec.TryDecode(Bytes(copy), out _));
                    }
                }
            );

    [Fact]
    public void A_configuration_survives_the_disk() =>
        GenConfiguration.Sample(configuration =>
        {
            var bytes = ConfigurationCodec.Encode(configuration);
            Assert.True(ConfigurationCodec.TryDecode(bytes, out var copy));
            Assert.Equal(configuration, copy);
            Assert.Equal($"{configuration}", $"{copy}");
            Assert.False(ConfigurationCodec.TryDecode(bytes.AsSpan(0, bytes.Length - 1), out _));
        });

    [Fact]
    public void A_change_survives_the_wire() =>
        GenChange.Sample(change =>
        {
            var bytes = ConfigurationChangeCodec.Encode(change);
            Assert.True(ConfigurationChangeCodec.TryDecode(bytes, out var copy));
            Assert.Equal(change, copy);
            Assert.False(ConfigurationChangeCodec.TryDecode(bytes.AsSpan(0, bytes.Length - 1), out _));
        });

    [Theory]
    [InlineData("0100000201010000")] // Next learners without outgoing voters would do; here a count is too great.
    [InlineData("010000020105000000ff")] // Bytes behind.
    [InlineData("0200000101000000")] // Another version.
    [InlineData("0101000101000000")] // Automatic leave of what is not joint.
    [InlineData("0100000101000101")] // A voter that is a learner.
    [InlineData("01000001000000")] // Member 0.
    public void What_is_no_configuration_is_refused(string hex) =>
        Assert.False(ConfigurationCodec.TryDecode(Convert.FromHexString(hex), out _));

    [Fact]
    public void The_formats_of_version_1_are_fixed()
    {
        var message = new RaftMessage
        {
            Kind = RaftMessageKind.Append,
            From = new MemberId(1),
            To = new MemberId(2),
            Term = new Term(300),
            Index = new LogIndex(9),
            LogTerm = new Term(299),
            Commit = new LogIndex(8),
            Entries = [new LogEntry(new Term(300), new LogIndex(10), EntryKind.Command, new byte[] { 0xAB, 0xCD })],
        };
        Assert.Equal("0101000102AC0209AB020800000101010002ABCD", Convert.ToHexString(Bytes(message)));

        var configuration = Build(7, [new(1), new(2), new(3), new(9)], [0, 1, 3, 4], autoLeave: true);
        Assert.Equal(
            "0101070101020201" + "0109" + "0103",
            Convert.ToHexString(ConfigurationCodec.Encode(configuration))
        );

        var change = new ConfigurationChange(
            [new(MemberChangeKind.AddVoter, new MemberId(4)), new(MemberChangeKind.Remove, new MemberId(300))],
            ConfigurationTransition.JointExplicitLeave
        );
        Assert.Equal("010202010403AC02", Convert.ToHexString(ConfigurationChangeCodec.Encode(change)));
    }

    static byte[] Bytes(RaftMessage message)
    {
        var buffer = new ArrayBufferWriter<byte>();
        RaftMessageCodec.Encode(message, buffer);
        return buffer.WrittenSpan.ToArray();
    }

    static string Describe(LogEntry entry) =>
        $"{entry.Term}/{entry.Index} {entry.Kind} {Convert.ToHexString(entry.Payload.Span)}";

    /// <summary>Roles: 0 voter, 1 outgoing voter, 2 both, 3 next learner, 4 learner; the first is always a voter.</summary>
    static Configuration Build(ulong index, ImmutableArray<MemberId> ids, int[] roles, bool autoLeave)
    {
        var place = 0;
        var byRole = ids.ToLookup(_ => place++ == 0 ? 0 : roles[place - 1]);
        MemberId[] outgoing = [.. byRole[1], .. byRole[2], .. byRole[3]];
        return Configuration.Create(
            new LogIndex(index),
            [.. byRole[0], .. byRole[2]],
            outgoing,
            byRole[4],
            byRole[3],
            autoLeave && outgoing.Length > 0
        );
    }
}
