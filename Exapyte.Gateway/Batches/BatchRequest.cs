using System.Text.Json;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Operations;

namespace Exapyte.Gateway.Batches;

/// <summary>A batch, read and found well-formed.</summary>
/// <param name="Operations">The operations, in the order of the items.</param>
/// <param name="Atomic">All or none.</param>
internal sealed record BatchRequest(Operation[] Operations, bool Atomic)
{
    /// <summary>Levels of the document around an item's <c>json</c>: its own object, the array of items, the item.</summary>
    public const int LevelsAroundValues = 3;

    private const int ReasonsMax = 100;

    /// <summary>Whether all of it may be sent again where its outcome is unknown.</summary>
    public bool IsRepeatable =>
        Array.TrueForAll(Operations, operation => !operation.IsWrite || operation.RequestId is not null);

    /// <summary>Reads the document; the problem, with every reason, where it is refused: then nothing is done.</summary>
    /// <param name="document">The body.</param>
    /// <param name="requestId">The batch's request id; null for none. Its writes have it.</param>
    /// <param name="inherited">The consistency that headers ask for.</param>
    /// <param name="limits">Limits.</param>
    /// <param name="request">The batch.</param>
    public static Problem? Read(
        JsonDocument? document,
        string? requestId,
        ConsistencyRequest inherited,
        ExapyteGatewayOptions limits,
        out BatchRequest? request
    )
    {
        request = null;
        if (document is null || document.RootElement.ValueKind != JsonValueKind.Object)
        {
            return Refuse(["The body must be a JSON object such as {\"items\":[{\"op\":\"get\",\"key\":\"a\"}]}."]);
        }
        List<string> reasons = [];
        var level = inherited;
        var atomic = false;
        JsonElement items = default;
        foreach (var member in document.RootElement.EnumerateObject())
        {
            switch (member.Name)
            {
                case "items":
                    items = member.Value;
                    break;
                case "atomic":
                    atomic = BatchItemReader.Flag("atomic", member.Value, reasons);
                    break;
                case "consistency":
                    level = BatchItemReader.Level("consistency", member.Value, inherited, reasons);
                    break;
                default:
                    reasons.Add($"'{member.Name}' is not known; a batch has items, atomic and consistency.");
                    break;
            }
        }
        if (ReasonAgainst(items, limits) is { } reason)
        {
            reasons.Add(reason);
            return Refuse(reasons);
        }
        var operations = ReadItems(items, requestId, level, limits, reasons);
        if (reasons.Count > 0)
        {
            return Refuse(reasons);
        }
        var bytes = operations.Sum(operation => (long)operation.Key.Length + operation.Value.Length);
        if (bytes > limits.BatchBytesMax)
        {
            return new(
                ProblemKinds.TooLarge,
                $"The batch holds {bytes} bytes of keys and values, more than {limits.BatchBytesMax}; nothing changed."
            );
        }
        request = new([.. operations], atomic);
        return null;
    }

    private static string? ReasonAgainst(JsonElement items, ExapyteGatewayOptions limits) =>
        items.ValueKind != JsonValueKind.Array ? "items must be an array."
        : items.GetArrayLength() > limits.BatchItemsMax
            ? $"items holds {items.GetArrayLength()}, more than {limits.BatchItemsMax}."
        : null;

    private static List<Operation> ReadItems(
        JsonElement items,
        string? requestId,
        ConsistencyRequest level,
        ExapyteGatewayOptions limits,
        List<string> reasons
    )
    {
        var operations = new List<Operation>(items.GetArrayLength());
        var position = 0;
        foreach (var item in items.EnumerateArray())
        {
            var reader = new BatchItemReader(position, limits, reasons);
            if (reader.Read(item, requestId, level) is { } operation)
            {
                operations.Add(operation);
            }
            position++;
            if (reasons.Count > ReasonsMax)
            {
                reasons.RemoveRange(ReasonsMax, reasons.Count - ReasonsMax);
                reasons.Add("There is more wrong than is listed here.");
                break;
            }
        }
        return operations;
    }

    private static Problem Refuse(List<string> reasons) =>
        OutcomeProblems.WithReasons(ProblemKinds.InvalidBody, reasons);
}
