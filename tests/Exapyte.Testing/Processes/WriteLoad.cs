using System.Diagnostics;
using Bogus;

namespace Exapyte.Testing.Processes;

/// <summary>
/// Concurrent writers that overwrite their own keys as fast as they are answered, spread over the given nodes, until
/// told to stop. What they were told is in <see cref="Writes"/>.
/// </summary>
public sealed class WriteLoad : IAsyncDisposable
{
    const int OverwritesMax = 5;

    static readonly TimeSpan s_pauseAfterFailure = TimeSpan.FromMilliseconds(10);

    readonly CancellationTokenSource _stop = new();
    readonly IReadOnlyList<RestClient> _clients;
    readonly List<Task> _writers;
    readonly int _seed;
    long _lastAcknowledgedAt = Stopwatch.GetTimestamp();
    long _longestSilenceTicks;
    RestAnswer? _lastFailure;
    int _stopped;

    /// <param name="writes">Where outcomes are noted.</param>
    /// <param name="prefix">Distinguishes the keys of this load from those of others.</param>
    /// <param name="clients">Writer i talks to client i modulo their number.</param>
    /// <param name="writers">How many write at once.</param>
    /// <param name="seed">Decides keys and values.</param>
    public WriteLoad(AckedWrites writes, string prefix, IReadOnlyList<RestClient> clients, int writers, int seed)
    {
        Writes = writes;
        _clients = clients;
        _seed = seed;
        _writers =
        [
            .. Enumerable
                .Range(0, writers)
                .Select(index =>
                    Task.Run(() => WriteAsync($"{prefix}-{index}", clients[index % clients.Count], index))
                ),
        ];
    }

    public AckedWrites Writes { get; }

    /// <summary>The longest time in which no writer was acknowledged, the time since the last one included.</summary>
    public TimeSpan LongestSilence
    {
        get
        {
            var current = Stopwatch.GetTimestamp() - Interlocked.Read(ref _lastAcknowledgedAt);
            var ticks = Math.Max(current, Interlocked.Read(ref _longestSilenceTicks));
            return Stopwatch.GetElapsedTime(0, ticks);
        }
    }

    /// <summary>Waits until so many more writes than now have been acknowledged; returns how long that took.</summary>
    public Task<TimeSpan> WaitForAcknowledgementsAsync(int count, TimeSpan deadline)
    {
        var goal = Writes.Acknowledged + count;
        return Poll.UntilAsync(
            $"{count} more writes are acknowledged",
            deadline,
            () => Task.FromResult(Writes.Acknowledged >= goal),
            () =>
                $"{goal - Writes.Acknowledged} are missing, the last failure was {_lastFailure}\n{_clients[0].ServerOutput()}"
        );
    }

    /// <summary>Ends the load; what was on its way is waited for.</summary>
    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref _stopped, 1) == 0)
            await _stop.CancelAsync();
        await Task.WhenAll(_writers);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    async Task WriteAsync(string prefix, RestClient client, int index)
    {
        var faker = new Faker { Random = new Randomizer(_seed * 1_000 + index) };
        for (var number = 0; !_stop.IsCancellationRequested; number++)
        {
            var key = $"{prefix}-{number}";
            var overwrites = faker.Random.Int(1, OverwritesMax);
            for (var sequence = 1; sequence <= overwrites && !_stop.IsCancellationRequested; sequence++)
            {
                var answer = await client.PutAsync(
                    Writes.Keyspace,
                    key,
                    SelfVerifyingValue.Create(faker, key, sequence)
                );
                if (answer.IsSuccess)
                {
                    Writes.Acknowledge(key, sequence);
                    NoteAcknowledgement();
                    continue;
                }
                Volatile.Write(ref _lastFailure, answer);
                if (!answer.IsRefused)
                    Writes.Doubt(key, sequence);
                // A dead server refuses at once; without a pause a writer would spin through thousands of keys.
                await Task.Delay(s_pauseAfterFailure);
                break;
            }
        }
    }

    void NoteAcknowledgement()
    {
        var now = Stopwatch.GetTimestamp();
        var silence = now - Interlocked.Exchange(ref _lastAcknowledgedAt, now);
        for (
            var longest = Interlocked.Read(ref _longestSilenceTicks);
            silence > longest;
            longest = Interlocked.Read(ref _longestSilenceTicks)
        )
        {
            if (Interlocked.CompareExchange(ref _longestSilenceTicks, silence, longest) == longest)
                return;
        }
    }
}
