using System.Collections.Concurrent;
using System.Diagnostics;
using Exapyte.Testing.Linearizability;
using Exapyte.Testing.Processes;

namespace Exapyte.Testing.Histories;

/// <summary>What the checker says of a recorded history.</summary>
/// <param name="Keys">How many keys it has.</param>
/// <param name="Operations">How many operations on all of them.</param>
/// <param name="Unknown">How many of these are writes without a clear answer.</param>
/// <param name="Undecided">Keys whose search was given up.</param>
/// <param name="Fault">A key whose history nothing explains, with that history; null where there is none.</param>
public sealed record HistoryReport(int Keys, int Operations, int Unknown, int Undecided, string? Fault)
{
    public bool IsLinearizable => Fault is null && Undecided == 0;

    public override string ToString() =>
        $"{Operations} operations on {Keys} keys, {Unknown} writes in doubt, {Undecided} keys undecided"
        + (Fault is null ? "" : ", not linearizable");
}

/// <summary>
/// The history of one keyspace as its clients saw it, key by key: it is linearizable if that of each key is. Keys must be
/// absent when it begins. Thread-safe.
/// </summary>
public sealed class HistoryRecorder(string keyspace)
{
    const int ReadersMax = 16;
    const long TriesMax = 3_000_000;

    static readonly TimeSpan s_pauseBeforeNextTry = TimeSpan.FromMilliseconds(50);

    readonly ConcurrentDictionary<string, KeyHistory> _histories = new(StringComparer.Ordinal);
    long _lastValue;

    public string Keyspace => keyspace;

    public ICollection<KeyHistory> Histories => _histories.Values;

    /// <summary>A value that no other write has.</summary>
    public ulong NextValue() => (ulong)Interlocked.Increment(ref _lastValue);

    public KeyHistory Of(string key) => _histories.GetOrAdd(key, static key => new KeyHistory(key));

    /// <summary>Sends a request, waits for its end, and notes it.</summary>
    public async Task<(RequestEnd End, RestAnswer Answer)> RunAsync(
        RestClient client,
        string key,
        KeyRequest request,
        string? consistency = null
    )
    {
        var beganAt = Stopwatch.GetTimestamp();
        var answer = await request.SendAsync(client, keyspace, key, consistency);
        return (Of(key).Note(request, beganAt, Stopwatch.GetTimestamp(), answer), answer);
    }

    /// <summary>
    /// Sends a write under a request id, and again through the next node as long as its end is not known. However often it
    /// arrives, it is one operation of the history.
    /// </summary>
    public async Task<(RequestEnd End, RestAnswer Answer)> RunOnceAsync(
        IReadOnlyList<RestClient> nodes,
        int first,
        string key,
        KeyRequest request,
        CancellationToken giveUp
    )
    {
        var beganAt = Stopwatch.GetTimestamp();
        var history = Of(key);
        var identified = request with { RequestId = $"{key}/{NextValue()}" };
        var at = first;
        RestAnswer? open = null;
        while (true)
        {
            var answer = await identified.SendAsync(nodes[at++ % nodes.Count], keyspace, key);
            var end = history.EndOf(request, answer);
            open = end == RequestEnd.Unknown ? answer : open;
            // That a later try was refused says nothing of an earlier one.
            var isSettled = end is RequestEnd.Done or RequestEnd.ConditionFailed || open is null;
            if (isSettled || giveUp.IsCancellationRequested)
            {
                var last = isSettled ? answer : open!;
                return (history.Note(request, beganAt, Stopwatch.GetTimestamp(), last), last);
            }
            await Task.Delay(s_pauseBeforeNextTry, CancellationToken.None);
        }
    }

    /// <summary>
    /// Reads every key through this node, each read repeated until it is answered: what was acknowledged and is lost makes
    /// the history inexplicable.
    /// </summary>
    /// <exception cref="TimeoutException">A key is not readable.</exception>
    public Task ReadAllAsync(RestClient client, TimeSpan deadline) =>
        Parallel.ForEachAsync(
            _histories.Keys,
            new ParallelOptions { MaxDegreeOfParallelism = ReadersMax },
            async (key, _) =>
            {
                RestAnswer? last = null;
                await Poll.UntilAsync(
                    $"{keyspace}/{key} is readable through {client.Url}",
                    deadline,
                    async () =>
                    {
                        (var end, last) = await RunAsync(client, key, KeyRequest.Read);
                        return end == RequestEnd.Done;
                    },
                    () => $"{last}\n{client.ServerOutput()}"
                );
            }
        );

    public HistoryReport Check()
    {
        var checker = new LinearizabilityChecker();
        int operations = 0,
            unknown = 0,
            undecided = 0;
        string? fault = null;
        foreach (var history in Histories)
        {
            var seen = history.Operations();
            operations += seen.Count;
            unknown += history.Unknown;
            var verdict = checker.Check(seen, TriesMax);
            undecided += verdict == LinearizabilityVerdict.Undecided ? 1 : 0;
            if (verdict == LinearizabilityVerdict.NotLinearizable)
                fault ??= $"{history.Key}\n{Describe(UpToTheFault(seen))}";
        }
        return new(_histories.Count, operations, unknown, undecided, fault);
    }

    /// <summary>
    /// The shortest beginning of a history that nothing explains: its last answer is the one that cannot be. A beginning of
    /// what can be explained can be explained, so halving finds it.
    /// </summary>
    static List<KeyOperation> UpToTheFault(IReadOnlyList<KeyOperation> seen)
    {
        var checker = new LinearizabilityChecker();
        var ends = seen.Select(operation => operation.EndedAt).Where(end => end != long.MaxValue).Order().ToList();
        int good = -1,
            bad = ends.Count - 1;
        while (bad - good > 1)
        {
            var middle = (good + bad) / 2;
            if (checker.Check(Until(seen, ends[middle]), TriesMax) == LinearizabilityVerdict.NotLinearizable)
                bad = middle;
            else
                good = middle;
        }
        return Until(seen, ends[bad]);
    }

    /// <summary>What was known at a moment: reads without an answer tell nothing, writes may have happened.</summary>
    static List<KeyOperation> Until(IReadOnlyList<KeyOperation> seen, long moment) =>
        [
            .. seen.Where(operation => operation.BeganAt <= moment)
                .Where(operation => operation.EndedAt <= moment || operation.Kind == KeyOperationKind.Write)
                .Select(operation =>
                    operation.EndedAt <= moment
                        ? operation
                        : operation with
                        {
                            EndedAt = long.MaxValue,
                            Outcome = KeyOutcome.Unknown,
                            Met = KeyMet.Anything,
                        }
                ),
        ];

    /// <summary>The operations in the order of their begins, times in milliseconds since the first.</summary>
    static string Describe(IReadOnlyList<KeyOperation> seen)
    {
        var ordered = seen.OrderBy(operation => operation.BeganAt).ToList();
        var first = ordered[0].BeganAt;
        return string.Join('\n', ordered.Select(operation => Describe(operation, first)));
    }

    static string Describe(KeyOperation operation, long first)
    {
        string At(long moment) =>
            moment == long.MaxValue ? "..." : $"{Stopwatch.GetElapsedTime(first, moment).TotalMilliseconds:0.000}";
        var met = operation.Met == KeyMet.Value ? $"{operation.MetValue}" : $"{operation.Met}";
        var what =
            operation.Kind == KeyOperationKind.Read
                ? $"read {met}"
                : $"write {operation.Value} if {operation.Condition} {operation.ConditionValue}: "
                    + $"{operation.Outcome}, met {met}";
        return $"  {At(operation.BeganAt)} - {At(operation.EndedAt)} {what}";
    }
}
