using System.CommandLine;
using System.Globalization;

namespace Exapyte.Load;

/// <summary>What is to be done.</summary>
/// <param name="Runs">Each run, in order.</param>
/// <param name="Check">The scenario whose expectations the results have to meet; null: they are only told.</param>
/// <param name="RecordTo">The file that takes the record; <c>-</c> for standard output, null for none.</param>
sealed record LoadPlan(IReadOnlyList<LoadOptions> Runs, string? Check, string? RecordTo);

/// <summary>Reads the command line into the runs it asks for.</summary>
sealed class CommandLine
{
    readonly Argument<string> _workload = new("workload")
    {
        Description = "put, get, delete, scan or mixed (see --mix)",
        DefaultValueFactory = _ => "put",
    };
    readonly Option<string?> _scenario = new("--scenario")
    {
        Description = $"A recorded set of runs instead of a workload: {string.Join(", ", Scenarios.All.Keys)}",
    };
    readonly Option<string> _url = Option("--url", "http://127.0.0.1:8080", "The service");
    readonly Option<string> _keyspace = Option("--keyspace", "load", "Created where it is missing");
    readonly Option<string> _replication = Option(
        "--replication",
        "raft",
        "Of a created keyspace: raft, quorum, async"
    );
    readonly Option<int?> _replicas = new("--replicas") { Description = "Of a created keyspace" };
    readonly Option<int?> _shards = new("--shards") { Description = "Of a created keyspace" };
    readonly Option<string?> _storage = new("--storage") { Description = "Of a created keyspace: disk, memory" };
    readonly Option<string> _connections = Option(
        "--connections",
        "64",
        "How many; a list (1,8,64) makes a run of each"
    );
    readonly Option<int> _valueBytes = Option("--value-size", 256, "Bytes a value");
    readonly Option<int> _seconds = Option("--seconds", 10, "How long a run is measured");
    readonly Option<int> _warmup = Option("--warmup", 3, "Seconds before that");
    readonly Option<int> _keys = Option("--keys", 10_000, "How many keys, drawn evenly");
    readonly Option<string> _mix = Option("--mix", "95/5", "Reads and writes of the mixed workload, in percent");
    readonly Option<int> _limit = Option("--limit", 100, "Entries a scanned page");
    readonly Option<double?> _rate = new("--rate")
    {
        Description = "Requests a second over all connections (open loop); absent: closed loop",
    };
    readonly Option<int> _timeout = Option("--timeout", 10, "Seconds after which a request is given up");
    readonly Option<bool> _noFill = new("--no-fill") { Description = "Do not write every key before a run that reads" };
    readonly Option<int> _seed = Option("--seed", 1, "Decides keys, values and the order of operations");
    readonly Option<int> _rounds = Option("--rounds", 1, "How often all runs are made, one after another");
    readonly Option<bool> _quick = new("--quick") { Description = "A scenario with few keys: it shows that it works" };
    readonly Option<bool> _check = new("--check")
    {
        Description = "Fail where a scenario does not show what is expected of it; of several rounds the median counts",
    };
    readonly Option<string> _key = Option("--key", "", "API key to show, as id.secret; with --insist a wrong one");
    readonly Option<string?> _ca = new("--ca") { Description = "Authority (PEM) of an https:// service" };
    readonly Option<bool> _insist = new("--insist")
    {
        Description = "Send on although refused, to a keyspace that is not looked at: a flood",
    };
    readonly Option<string?> _json = new("--json")
    {
        Description = "A file to record the runs in; - for standard output",
    };

    public RootCommand Create(Func<LoadPlan, Task<int>> run)
    {
        var root = new RootCommand("Loads an Exapyte service over HTTP and prints throughput and latencies.")
        {
            _workload,
            _scenario,
            _url,
            _keyspace,
            _replication,
            _replicas,
            _shards,
            _storage,
            _connections,
            _valueBytes,
            _seconds,
            _warmup,
            _keys,
            _mix,
            _limit,
            _rate,
            _timeout,
            _noFill,
            _seed,
            _rounds,
            _quick,
            _check,
            _json,
            _key,
            _ca,
            _insist,
        };
        root.SetAction((parsed, _) => run(PlanOf(parsed)));
        return root;
    }

    /// <exception cref="FormatException">A value is not understood; the message says which.</exception>
    LoadPlan PlanOf(ParseResult parsed)
    {
        var scenario = parsed.GetValue(_scenario);
        if (parsed.GetValue(_check) && scenario is null)
            throw new FormatException("--check goes with --scenario.");
        var runs = Enumerable.Repeat(Runs(parsed), parsed.GetValue(_rounds)).SelectMany(round => round);
        return new LoadPlan([.. runs], parsed.GetValue(_check) ? scenario : null, parsed.GetValue(_json));
    }

    /// <exception cref="FormatException">A value is not understood; the message says which.</exception>
    IReadOnlyList<LoadOptions> Runs(ParseResult parsed)
    {
        var given = Given(parsed);
        if (parsed.GetValue(_scenario) is { } scenario)
        {
            return Scenarios.All.TryGetValue(scenario, out var preset)
                ? [.. preset(given)]
                : throw new FormatException($"No scenario is called {scenario}.");
        }
        return
        [
            .. parsed
                .GetValue(_connections)!
                .Split(',')
                .Select(count => given with { Connections = Positive(count, "connections") }),
        ];
    }

    LoadOptions Given(ParseResult parsed)
    {
        var workload = parsed.GetValue(_workload)!;
        return new LoadOptions
        {
            Name = workload,
            Mix = MixOf(workload, parsed.GetValue(_mix)!),
            Url = new Uri(parsed.GetValue(_url)!),
            Keyspace = parsed.GetValue(_keyspace)!,
            Settings = new KeyspaceSettings(
                parsed.GetValue(_replication)!,
                parsed.GetValue(_replicas),
                parsed.GetValue(_shards),
                parsed.GetValue(_storage)
            ),
            ValueBytes = parsed.GetValue(_valueBytes),
            Seconds = parsed.GetValue(_seconds),
            WarmupSeconds = parsed.GetValue(_warmup),
            Keys = parsed.GetValue(_keys),
            ScanLimit = parsed.GetValue(_limit),
            Rate = parsed.GetValue(_rate),
            TimeoutSeconds = parsed.GetValue(_timeout),
            Fill = !parsed.GetValue(_noFill),
            Seed = parsed.GetValue(_seed),
            Quick = parsed.GetValue(_quick),
            ApiKey = parsed.GetValue(_key)!,
            Authority = parsed.GetValue(_ca),
            Insists = parsed.GetValue(_insist),
        };
    }

    static OperationMix MixOf(string workload, string mix) =>
        workload switch
        {
            "put" => new OperationMix(Get: 0, Put: 1, Delete: 0, Scan: 0),
            "get" => new OperationMix(Get: 1, Put: 0, Delete: 0, Scan: 0),
            "delete" => new OperationMix(Get: 0, Put: 0, Delete: 1, Scan: 0),
            "scan" => new OperationMix(Get: 0, Put: 0, Delete: 0, Scan: 1),
            "mixed" => Mixed(mix),
            _ => throw new FormatException($"{workload} is none of put, get, delete, scan, mixed."),
        };

    static OperationMix Mixed(string mix)
    {
        var parts = mix.Split('/').Select(part => Positive(part, "mix")).ToList();
        if (parts.Count != 2 || parts.Sum() != 100)
            throw new FormatException($"A mix is two shares that make 100, such as 95/5, not {mix}.");
        return new OperationMix(Get: parts[0] / 100.0, Put: parts[1] / 100.0, Delete: 0, Scan: 0);
    }

    static int Positive(string text, string what) =>
        int.TryParse(text, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new FormatException($"{what}: {text} is not a positive number.");

    static Option<T> Option<T>(string name, T otherwise, string description) =>
        new(name) { Description = $"{description} ({otherwise})", DefaultValueFactory = _ => otherwise };
}
