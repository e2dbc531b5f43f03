using System.Globalization;
using System.Text;
using System.Text.Json;
using Exapyte.Storage.Log;

namespace Exapyte.Storage.Node;

/// <summary>Content of <c>node.json</c>: readable, and checked so that an edited or rotten id is noticed.</summary>
sealed record NodeIdentity(string NodeId, ulong StoreId)
{
    const int Format = 1;

    public byte[] Write()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteNumber("format", Format);
            json.WriteString("nodeId", NodeId);
            json.WriteString("storeId", StoreId.ToString("x16"));
            json.WriteString("checksum", Checksum().ToString("x8"));
            json.WriteEndObject();
        }
        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    public static NodeIdentity Read(ReadOnlyMemory<byte> content, string path)
    {
        try
        {
            using var json = JsonDocument.Parse(content);
            var format = json.RootElement.GetProperty("format").GetInt32();
            if (format > Format)
                throw new DataFolderException(
                    $"{path} has format {format}, this version reads {Format}: upgrade the node"
                );
            var identity = new NodeIdentity(
                json.RootElement.GetProperty("nodeId").GetString() ?? "",
                ulong.Parse(json.RootElement.GetProperty("storeId").GetString() ?? "", NumberStyles.HexNumber)
            );
            if (json.RootElement.GetProperty("checksum").GetString() == identity.Checksum().ToString("x8"))
                return identity;
        }
        catch (Exception cause)
            when (cause
                    is JsonException
                        or KeyNotFoundException
                        or FormatException
                        or InvalidOperationException
                        or OverflowException
            )
        {
            throw Damaged(path, cause);
        }
        throw Damaged(path, cause: null);
    }

    uint Checksum() => LogChecksum.Compute(Format, Encoding.UTF8.GetBytes($"{NodeId}\n{StoreId:x16}"));

    static DataFolderException Damaged(string path, Exception? cause) =>
        new($"{path} is damaged: restore it, or empty the folder and add the node as a new one", cause);
}
