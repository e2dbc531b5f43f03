using System.Buffers.Binary;
using Exapyte.Simulation.Invariants;
using Exapyte.Storage.Log;
using Exapyte.Testing.Files;

namespace Exapyte.Simulation.Clusters;

/// <summary>What rots on a node's disk, and whom that may harm.</summary>
internal sealed class LogRot(World world, SimulatedNode node)
{
    private (string Path, long From) lastBatch = ("", 0);
    private (string Path, long From) batchBefore = ("", 0);
    private readonly HashSet<GroupId> hit = [];
    private bool mayHaveHitAll;

    /// <summary>Whether a bit of its log has been flipped.</summary>
    public bool IsThere { get; private set; }

    /// <summary>
    /// Flips a bit somewhere in what the log has written, but not in its last two batches: damage in the last one cannot be
    /// told from a torn tail (design, section 5), and a crash can make the one before it the last.
    /// </summary>
    public void Strike()
    {
        var path = $"{SimulatedNode.Folder}/{world.Chance.Of(Segments())}";
        if (string.CompareOrdinal(path, batchBefore.Path) > 0)
        {
            return;
        }
        var end = node.Files.Length(path);
        end = path == lastBatch.Path ? Math.Min(end, lastBatch.From) : end;
        end = path == batchBefore.Path ? Math.Min(end, batchBefore.From) : end;
        // Most of a young segment is zeros: the part that was written is the one to hit.
        var written = node.Files.Content(path)[..(int)end].LastIndexOfAnyExcept((byte)0) + 1;
        if (written <= 0)
        {
            return;
        }
        IsThere = true;
        world.Tally.Count(Happening.BitsFlipped);
        var offset = world.Chance.Below(written);
        NoteHit(path, offset);
        node.Files.Flip(path, offset, (byte)(1 << world.Chance.Below(8)));
        world.Trace.Note($"a bit of node {node.Index} rots: {path} at {offset}");
    }

    /// <summary>Damage to what one group wrote is that group's alone; damage to a header may be anybody's.</summary>
    public void RequireHit(GroupId group, string reason) =>
        History.Require(
            mayHaveHitAll || hit.Contains(group),
            "false-quarantine",
            $"replica {group} is quarantined for no reason: {reason}"
        );

    /// <summary>Finds out whose record a bit is in, before it is flipped.</summary>
    private void NoteHit(string path, int offset)
    {
        var bytes = node.Files.Content(path);
        for (var batch = LogFormat.DataOffset; IsWithin(bytes, batch + LogFormat.BatchHeaderBytes) && batch < offset; )
        {
            var bodyBytes = BinaryPrimitives.ReadInt32LittleEndian(bytes[(batch + 8)..]);
            // A length that an earlier bit has altered leads nowhere.
            if (bodyBytes <= 0 || bodyBytes > bytes.Length - batch - LogFormat.BatchHeaderBytes)
            {
                break;
            }
            var record = batch + LogFormat.BatchHeaderBytes;
            var end = record + bodyBytes;
            while (offset < end && IsWithin(bytes, record + LogFormat.RecordHeaderBytes) && record < offset)
            {
                var header = RecordHeader.ReadTrusted(bytes[record..]);
                if (header.PayloadBytes < 0 || header.PayloadBytes > bytes.Length)
                {
                    break;
                }
                var payload = record + LogFormat.RecordHeaderBytes;
                record = payload + header.PayloadBytes;
                if (offset >= payload && offset < record && header.Group != GroupId.Node)
                {
                    hit.Add(header.Group);
                    return;
                }
            }
            batch = (int)LogFormat.AlignUp(end);
        }
        mayHaveHitAll = true;
    }

    private static bool IsWithin(ReadOnlySpan<byte> bytes, int end) => end <= bytes.Length;

    /// <summary>Zeros are filled in at the end of a file, batches are written into them.</summary>
    public void NoteBatch(FileOperation operation)
    {
        // A segment goes by the name of the spare that it was until the node starts again.
        var path = node.Files.Exists(operation.Path) ? operation.Path : $"{SimulatedNode.Folder}/{Segments()[^1]}";
        // What takes the place of a seal is one batch more, and not two.
        if (operation.Offset < node.Files.Length(path) && (path, operation.Offset) != lastBatch)
        {
            (batchBefore, lastBatch) = (lastBatch, (path, operation.Offset));
        }
    }

    private List<string> Segments() =>
        [.. node.Files.List(SimulatedNode.Folder).Where(name => name.StartsWith("segment", StringComparison.Ordinal))];
}
