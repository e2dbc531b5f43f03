using System.Diagnostics;
using HdrHistogram;

namespace Exapyte.Load;

/// <summary>
/// What all workers of a run saw between its warm-up and its end. Latencies go into one histogram shared by all: with
/// thousands of connections one each would not fit into memory. Thread-safe.
/// </summary>
sealed class Measurements
{
    const long HighestMicroseconds = 120_000_000;
    const int SignificantDigits = 3;
    const int NoAnswer = 0;
    const int StatusMax = 599;

    readonly LongConcurrentHistogram _latency = new(1, HighestMicroseconds, SignificantDigits);
    readonly long[] _byStatus = new long[StatusMax + 1];
    long _bodyBytes;
    long _from = long.MaxValue;
    long _until = long.MaxValue;

    /// <summary>From now on, for so long, what begins and ends is recorded.</summary>
    public void Record(TimeSpan length)
    {
        var now = Stopwatch.GetTimestamp();
        Volatile.Write(ref _until, now + (long)(length.TotalSeconds * Stopwatch.Frequency));
        Volatile.Write(ref _from, now);
    }

    public void Answered(Answer answer, long startedAt, long endedAt)
    {
        if (!Counts(startedAt, endedAt))
            return;
        Interlocked.Increment(ref _byStatus[Math.Clamp(answer.Status, 1, StatusMax)]);
        // A refusal is quick; mixed in, it would make an overloaded service look fast.
        if (IsGood(answer.Status))
        {
            Interlocked.Add(ref _bodyBytes, answer.BodyBytes);
            var microseconds = (long)Stopwatch.GetElapsedTime(startedAt, endedAt).TotalMicroseconds;
            _latency.RecordValue(Math.Clamp(microseconds, 1, HighestMicroseconds));
        }
    }

    public void Unanswered(long startedAt, long endedAt)
    {
        if (Counts(startedAt, endedAt))
            Interlocked.Increment(ref _byStatus[NoAnswer]);
    }

    public LoadResult Result(LoadOptions options)
    {
        var good = Enumerable.Range(0, StatusMax + 1).Where(IsGood).Sum(status => _byStatus[status]);
        return new LoadResult
        {
            Name = options.Name,
            Options = options,
            OperationsPerSecond = Math.Round((double)good / options.Seconds, 1),
            Operations = good,
            BodyBytes = good == 0 ? 0 : _bodyBytes / good,
            P50Microseconds = Percentile(50),
            P99Microseconds = Percentile(99),
            P999Microseconds = Percentile(99.9),
            MaxMicroseconds = good == 0 ? 0 : _latency.GetMaxValue(),
            ByStatus = Enumerable
                .Range(0, StatusMax + 1)
                .Where(status => _byStatus[status] > 0)
                .ToDictionary(status => status == NoAnswer ? "no answer" : $"{status}", status => _byStatus[status]),
        };
    }

    // An absent key is an answer to a read like any other.
    static bool IsGood(int status) => status is >= 200 and < 300 or 404;

    bool Counts(long startedAt, long endedAt) =>
        startedAt >= Volatile.Read(ref _from) && endedAt <= Volatile.Read(ref _until);

    long Percentile(double percent) => _latency.TotalCount == 0 ? 0 : _latency.GetValueAtPercentile(percent);
}
