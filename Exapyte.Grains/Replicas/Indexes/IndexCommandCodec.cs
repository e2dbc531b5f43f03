using Exapyte.Grains.Fields;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Keyspaces;

namespace Exapyte.Grains.Replicas.Indexes;

/// <summary>The encoding of commands about indexes in log entries, as <see cref="ShardCommandCodec"/> has it.</summary>
internal static class IndexCommandCodec
{
    public const byte IndexesFormat = 12;
    public const byte StepFormat = 13;

    /// <summary>Encodes a command that says which indexes there are to be.</summary>
    /// <param name="stampMs">The leader's time, Unix milliseconds.</param>
    /// <param name="mapEpoch">The epoch of the map that says so.</param>
    /// <param name="indexes">Them.</param>
    public static byte[] EncodeIndexes(long stampMs, long mapEpoch, KeyspaceIndex[] indexes)
    {
        var buffer = new byte[1 + (2 * sizeof(long)) + sizeof(int) + indexes.Sum(IndexDefinitionCodec.BytesOf)];
        var writer = new SpanWriter(buffer);
        writer.Byte(IndexesFormat);
        writer.Int64(stampMs);
        writer.Int64(mapEpoch);
        writer.Int32(indexes.Length);
        foreach (var index in indexes)
        {
            IndexDefinitionCodec.Write(ref writer, index);
        }
        return buffer;
    }

    /// <summary>Encodes a step.</summary>
    /// <param name="stampMs">The leader's time, Unix milliseconds.</param>
    /// <param name="step">The step.</param>
    public static byte[] EncodeStep(long stampMs, IndexStepCommand step)
    {
        var buffer = new byte[1 + (2 * sizeof(long)) + (3 * sizeof(int)) + step.After.Length];
        var writer = new SpanWriter(buffer);
        writer.Byte(StepFormat);
        writer.Int64(stampMs);
        writer.UInt64(step.Generation);
        writer.Bytes(step.After.Span);
        writer.Int32(step.EntriesMax);
        writer.Int32(step.BytesMax);
        return buffer;
    }

    /// <summary>Decodes a command that says which indexes there are to be, behind its format.</summary>
    public static IndexesCommand DecodeIndexes(ref SpanReader reader)
    {
        var stampMs = reader.Int64();
        var epoch = reader.Int64();
        var indexes = new KeyspaceIndex[reader.Count(2 * sizeof(int))];
        for (var i = 0; i < indexes.Length; i++)
        {
            indexes[i] = IndexDefinitionCodec.Read(ref reader);
        }
        return new()
        {
            StampMs = stampMs,
            MapEpoch = epoch,
            Indexes = indexes,
        };
    }

    /// <summary>Decodes a step, behind its format.</summary>
    public static IndexStepCommand DecodeStep(ref SpanReader reader) =>
        new()
        {
            StampMs = reader.Int64(),
            Generation = reader.UInt64(),
            After = reader.Bytes(),
            EntriesMax = reader.Int32(),
            BytesMax = reader.Int32(),
        };
}
