using CsCheck;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Grains.Interfaces.Tests;

/// <summary>Messages between nodes survive packing, and nothing that is malformed is taken for one.</summary>
public sealed class PeerBatchTests
{
    private static readonly Gen<PeerMessage> Message = Gen.Select(
        Gen.Long,
        Gen.Long,
        Gen.Byte,
        Gen.OneOf(Gen.Byte.Array[0, 40], Gen.Byte.Array[60_000, 70_000]),
        (to, from, kind, payload) =>
            new PeerMessage
            {
                ToReplicaId = to,
                FromReplicaId = from,
                Kind = (PeerMessageKind)kind,
                Payload = payload,
            }
    );

    [Fact]
    public void What_is_unpacked_is_what_was_packed_in_its_order() =>
        Message
            .Array[0, 12]
            .Sample(
                messages =>
                {
                    List<PeerMessage> unpacked = [];

                    Assert.True(PeerBatch.Of("n1", 7, messages).TryUnpack(unpacked));

                    Assert.Equal(messages.Select(Shown), unpacked.Select(Shown));
                },
                iter: 200
            );

    [Fact]
    public void A_batch_that_was_cut_anywhere_gives_all_of_its_messages_or_none() =>
        Gen.Select(Message.Array[1, 6], Gen.Double[0, 1])
            .Sample(
                (messages, where) =>
                {
                    var whole = PeerBatch.Of("n1", 1, messages);
                    var last = whole.Packs[^1];
                    byte[][] packs = [.. whole.Packs[..^1], last[..(int)(where * (last.Length - 1))]];
                    var cut = new PeerBatch
                    {
                        FromNode = "n1",
                        Sequence = 1,
                        Packs = packs,
                    };
                    List<PeerMessage> unpacked = [];

                    var isWhole = cut.TryUnpack(unpacked);

                    // Cut between two messages it is a shorter batch.
                    Assert.Equal(isWhole ? messages[..unpacked.Count].Select(Shown) : [], unpacked.Select(Shown));
                    Assert.True(unpacked.Count < messages.Length);
                },
                iter: 200
            );

    [Fact]
    public void Random_bytes_are_unpacked_or_refused() =>
        Gen
            .Byte.Array[0, 200]
            .Sample(bytes =>
            {
                List<PeerMessage> unpacked = [];
                var batch = new PeerBatch
                {
                    FromNode = "n1",
                    Sequence = 1,
                    Packs = [bytes],
                };

                var isTaken = batch.TryUnpack(unpacked);

                Assert.Equal(isTaken ? bytes.Length : 0, unpacked.Sum(message => PeerBatch.BytesOf(message)));
            });

    private static (long To, long From, PeerMessageKind Kind, string Payload) Shown(PeerMessage message) =>
        (message.ToReplicaId, message.FromReplicaId, message.Kind, Convert.ToHexString(message.Payload.Span));
}
