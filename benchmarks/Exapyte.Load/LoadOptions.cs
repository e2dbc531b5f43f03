using System.Text.Json.Serialization;

namespace Exapyte.Load;

/// <summary>What a worker asks of the service.</summary>
enum Operation
{
    Put,
    Get,
    Delete,
    Scan,
}

/// <summary>The share of each operation; the four sum to 1.</summary>
sealed record OperationMix(double Get, double Put, double Delete, double Scan)
{
    public bool Reads => Get > 0 || Scan > 0 || Delete > 0;

    /// <param name="draw">Uniform in [0, 1).</param>
    public Operation Pick(double draw) =>
        draw < Get ? Operation.Get
        : draw < Get + Put ? Operation.Put
        : draw < Get + Put + Delete ? Operation.Delete
        : Operation.Scan;
}

/// <summary>One run: against what, how much at once, for how long.</summary>
sealed record LoadOptions
{
    public string Name { get; init; } = "custom";

    public Uri Url { get; init; } = new("http://127.0.0.1:8080");

    public string Keyspace { get; init; } = "load";

    public OperationMix Mix { get; init; } = new(Get: 0, Put: 1, Delete: 0, Scan: 0);

    public int Connections { get; init; } = 64;

    public int ValueBytes { get; init; } = 256;

    public int Keys { get; init; } = 10_000;

    public int ScanLimit { get; init; } = 100;

    public int WarmupSeconds { get; init; } = 3;

    public int Seconds { get; init; } = 10;

    /// <summary>Requests a second over all connections; absent, each connection sends as soon as it is answered.</summary>
    public double? Rate { get; init; }

    /// <summary>A request without an answer after so long is given up, and its connection with it.</summary>
    public int TimeoutSeconds { get; init; } = 10;

    /// <summary>Writes every key once before a run that reads.</summary>
    public bool Fill { get; init; } = true;

    public int Seed { get; init; } = 1;

    /// <summary>The key that the service asks for, as <c>id.secret</c>; empty: none.</summary>
    [JsonIgnore]
    public string ApiKey { get; init; } = "";

    /// <summary>The authority of an https:// service, as PEM; null: whatever it shows is taken.</summary>
    public string? Authority { get; init; }

    /// <summary>Does not check, or create, the keyspace, and does not wait where it is asked to: what a flood does.</summary>
    public bool Insists { get; init; }

    /// <summary>A scenario with few keys, to see that it works rather than to record it.</summary>
    public bool Quick { get; init; }

    /// <summary>What the keyspace is created with where it is missing.</summary>
    public KeyspaceSettings Settings { get; init; } = new("raft", null, null, null);

    /// <summary>Keys are of one length, so that their order is the order of their numbers.</summary>
    public static string Key(int number) => $"key-{number:D9}";
}

/// <summary>Settings of a keyspace as the REST interface takes them; what is null is left to the server.</summary>
sealed record KeyspaceSettings(string Replication, int? Replicas, int? Shards, string? Storage);
