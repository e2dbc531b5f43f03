using System.Text.Json;
using System.Text.Json.Serialization;

namespace Exapyte.Load;

/// <summary>What one run measured. Latencies are those of good answers, in microseconds.</summary>
sealed record LoadResult
{
    public required string Name { get; init; }

    public required LoadOptions Options { get; init; }

    /// <summary>Good answers a second: statuses 2xx, and 404.</summary>
    public required double OperationsPerSecond { get; init; }

    public required long Operations { get; init; }

    /// <summary>What the body of a good answer took on the wire, on average.</summary>
    public required long BodyBytes { get; init; }

    public required long P50Microseconds { get; init; }

    public required long P99Microseconds { get; init; }

    public required long P999Microseconds { get; init; }

    public required long MaxMicroseconds { get; init; }

    public required IReadOnlyDictionary<string, long> ByStatus { get; init; }

    public override string ToString() =>
        $"{Name, -28} {Options.Connections, 5} connections  {OperationsPerSecond, 10:N0} ops/s  "
        + $"p50 {P50Microseconds, 7:N0}  p99 {P99Microseconds, 8:N0}  p99.9 {P999Microseconds, 8:N0}  "
        + $"max {MaxMicroseconds, 9:N0} us  "
        + string.Join(' ', ByStatus.Select(status => $"{status.Key}:{status.Value}"));
}

/// <summary>A recorded session: which machine, when, and every run.</summary>
sealed record LoadRecord(DateTimeOffset At, MachineDescription Machine, IReadOnlyList<LoadResult> Runs);

[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(LoadRecord))]
[JsonSerializable(typeof(KeyspaceSettings))]
sealed partial class LoadJson : JsonSerializerContext
{
    public static string Write(LoadRecord record) => JsonSerializer.Serialize(record, Default.LoadRecord);
}
