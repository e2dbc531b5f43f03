using System.Collections.Concurrent;
using System.Diagnostics;

namespace Exapyte.Testing.Processes;

/// <summary>
/// Remembers what was acknowledged and, after whatever happened to the servers, says what became of it.
/// <para>
/// Each key has one writer, which writes it one sequence number after another and leaves the key for good as soon as
/// an outcome is not known. So a key must hold the last acknowledged value or the one that is in doubt, and nothing
/// else: an older value is a lost write, a value that does not verify is a torn one.
/// </para>
/// Thread-safe.
/// </summary>
public sealed class AckedWrites(string keyspace)
{
    const int ReadersMax = 16;

    readonly ConcurrentDictionary<string, Record> _records = new(StringComparer.Ordinal);
    long _acknowledged;
    long _inDoubt;

    public string Keyspace => keyspace;

    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    public long InDoubt => Interlocked.Read(ref _inDoubt);

    public int Keys => _records.Count;

    public void Acknowledge(string key, long sequence)
    {
        var record = _records.GetOrAdd(key, _ => new Record());
        if (record.InDoubt is not null)
            throw new InvalidOperationException($"{key} was left in doubt and must not be written again.");
        record.Acknowledged = sequence;
        Interlocked.Increment(ref _acknowledged);
    }

    /// <summary>It may or may not have happened, or may still happen.</summary>
    public void Doubt(string key, long sequence)
    {
        _records.GetOrAdd(key, _ => new Record()).InDoubt = sequence;
        Interlocked.Increment(ref _inDoubt);
    }

    /// <summary>
    /// Reads every key back, each read repeated until it is answered or <paramref name="deadline"/> has passed, and
    /// returns what is wrong: an empty list where nothing acknowledged is lost and nothing is torn.
    /// </summary>
    public async Task<IReadOnlyList<string>> VerifyAsync(
        RestClient client,
        TimeSpan deadline,
        string? consistency = null
    )
    {
        var wrong = new ConcurrentBag<string>();
        var since = Stopwatch.GetTimestamp();
        var options = new ParallelOptions { MaxDegreeOfParallelism = ReadersMax };
        await Parallel.ForEachAsync(
            _records,
            options,
            async (record, _) =>
            {
                var answer = await ReadAsync(client, record.Key, consistency, since, deadline);
                if (Judge(record.Key, answer) is { } complaint)
                    wrong.Add(complaint);
            }
        );
        return [.. wrong.Order(StringComparer.Ordinal)];
    }

    /// <summary>What is wrong with an answer to a read of <paramref name="key"/>; null where it is right.</summary>
    public string? Judge(string key, RestAnswer answer)
    {
        var record = _records[key];
        if (answer.Status == 404)
            return record.Acknowledged is null ? null : $"{key}: lost, {record}";
        if (answer.Status != 200)
            return $"{key}: not readable, {answer}";
        if (SelfVerifyingValue.Read(key, answer.Body) is not { } sequence)
            return $"{key}: torn, {answer.Body.Length} bytes, {record}";
        return sequence == record.Acknowledged || sequence == record.InDoubt
            ? null
            : $"{key}: holds {sequence}, {record}";
    }

    async Task<RestAnswer> ReadAsync(RestClient client, string key, string? consistency, long since, TimeSpan deadline)
    {
        for (; ; )
        {
            var answer = await client.GetAsync(keyspace, key, consistency);
            var isFinal = answer.TellsWhatIsThere || answer.IsRefusedForGood;
            if (isFinal || Stopwatch.GetElapsedTime(since) > deadline)
                return answer;
            await Task.Delay(TimeSpan.FromMilliseconds(20));
        }
    }

    sealed class Record
    {
        public long? Acknowledged { get; set; }

        public long? InDoubt { get; set; }

        public override string ToString() =>
            $"last acknowledged {Acknowledged?.ToString() ?? "none"}, in doubt {InDoubt?.ToString() ?? "none"}";
    }
}
