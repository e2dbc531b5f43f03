using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Exapyte.Gateway.Control;
using Exapyte.Gateway.Listing;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Security;

namespace Exapyte.Gateway;

/// <summary>The JSON documents that the gateway answers, written without reflection.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ProblemDocument))]
[JsonSerializable(typeof(KeyspaceDocument))]
[JsonSerializable(typeof(KeyspacesDocument))]
[JsonSerializable(typeof(ShardsDocument))]
[JsonSerializable(typeof(ClusterDocument))]
[JsonSerializable(typeof(NodesDocument))]
[JsonSerializable(typeof(NodeCommandDocument))]
[JsonSerializable(typeof(RebalancePlanDocument))]
[JsonSerializable(typeof(RebalanceBegunDocument))]
[JsonSerializable(typeof(RebalanceDocument))]
[JsonSerializable(typeof(RebalancesDocument))]
[JsonSerializable(typeof(SplitDocument))]
[JsonSerializable(typeof(HealthDocument))]
[JsonSerializable(typeof(PointerDocument))]
[JsonSerializable(typeof(RestoreDocument))]
[JsonSerializable(typeof(ImportDocument))]
[JsonSerializable(typeof(PrefixDeletionDocument))]
[JsonSerializable(typeof(NewKeyDocument))]
[JsonSerializable(typeof(KeyDocument))]
[JsonSerializable(typeof(KeysDocument))]
[JsonSerializable(typeof(RevocationDocument))]
internal sealed partial class GatewayJson : JsonSerializerContext
{
    /// <summary>
    /// How all JSON is written: escapes what JSON asks for and no more. It is served as JSON under <c>nosniff</c> rules,
    /// never inside a page.
    /// </summary>
    public static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    /// <summary>The one instance.</summary>
    public static readonly GatewayJson Relaxed = new(
        new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        }
    );
}
