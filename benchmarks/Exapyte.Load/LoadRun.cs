using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Exapyte.Load;

/// <summary>
/// Drives one run: fills the keyspace, warms up, measures.
/// <para>
/// Closed loop (no rate): each connection sends its next request when it has its answer. While the service stalls nothing is sent,
/// so that its latencies leave out what would have waited (coordinated omission): they tell how fast it answers, not what
/// an independent client would see.
/// </para>
/// <para>
/// Open loop (a rate): requests are due at fixed instants, whatever the service does, and a request that found its connection
/// busy counts from the instant at which it was due, so that waiting is part of its latency. Where the connection was
/// free and only this generator's own timer was late, it counts from its sending.
/// </para>
/// </summary>
sealed class LoadRun(LoadOptions options, IPEndPoint address)
{
    static readonly TimeSpan s_pauseAfterFailure = TimeSpan.FromMilliseconds(10);
    static readonly TimeSpan s_pauseOfRefused = TimeSpan.FromMilliseconds(100);
    static readonly TimeSpan s_watchEvery = TimeSpan.FromMilliseconds(250);

    readonly HttpConnection[] _connections =
    [
        .. Enumerable.Range(0, options.Connections).Select(_ => new HttpConnection(address, Tls.Of(options))),
    ];
    readonly Measurements _measurements = new();
    readonly byte[] _value = RandomValue(options);
    long _startedAt;
    volatile bool _ends;

    public async Task<LoadResult> RunAsync()
    {
        using var watchStops = new CancellationTokenSource();
        var watch = GiveUpLateRequestsAsync(watchStops.Token);
        if (options.Fill && options.Mix.Reads)
            await FillAsync();
        _startedAt = Stopwatch.GetTimestamp();
        Task[] workers = [.. _connections.Select((_, index) => Task.Run(() => WorkAsync(index)))];
        await Task.Delay(TimeSpan.FromSeconds(options.WarmupSeconds));
        _measurements.Record(TimeSpan.FromSeconds(options.Seconds));
        await Task.Delay(TimeSpan.FromSeconds(options.Seconds));
        _ends = true;
        await Task.WhenAll(workers);
        await watchStops.CancelAsync();
        await watch;
        foreach (var connection in _connections)
            connection.Dispose();
        return _measurements.Result(options);
    }

    /// <summary>Each key once, spread over the connections; what fails is tried again until it is there.</summary>
    Task FillAsync() =>
        Task.WhenAll(
            _connections.Select(
                (connection, index) =>
                    Task.Run(async () =>
                    {
                        var requests = new RequestWriter(options, _value);
                        for (var key = index; key < options.Keys; key += options.Connections)
                            await WriteUntilTakenAsync(connection, requests, key);
                    })
            )
        );

    async Task WriteUntilTakenAsync(HttpConnection connection, RequestWriter requests, int key)
    {
        var since = Stopwatch.GetTimestamp();
        for (; ; )
        {
            var answer = await TryAsync(connection, requests.Write(Operation.Put, key));
            if (answer.Status is >= 200 and < 300)
                return;
            if (Stopwatch.GetElapsedTime(since).TotalSeconds > 6 * options.TimeoutSeconds)
                throw new InvalidOperationException($"Cannot fill the keyspace: the last answer was {answer.Status}.");
            await Task.Delay(s_pauseAfterFailure);
        }
    }

    async Task WorkAsync(int index)
    {
        var connection = _connections[index];
        var requests = new RequestWriter(options, _value);
        var random = new Random(HashCode.Combine(options.Seed, index));
        for (var number = 0L; !_ends; number++)
        {
            var request = requests.Write(options.Mix.Pick(random.NextDouble()), random.Next(options.Keys));
            var startedAt = options.Rate is { } rate
                ? await WaitUntilDueAsync(DueAt(number, index, rate))
                : Stopwatch.GetTimestamp();
            var answer = await TryAsync(connection, request);
            var endedAt = Stopwatch.GetTimestamp();
            if (answer.Status > 0)
                _measurements.Answered(answer, startedAt, endedAt);
            else
                _measurements.Unanswered(startedAt, endedAt);
            await PauseAfterAsync(answer, random);
        }
    }

    /// <summary>
    /// A service that is down or sheds load is not helped by a client that spins: it waits as long as it is asked to, and a
    /// little more by chance, so that those who were refused together do not come back together.
    /// </summary>
    async ValueTask PauseAfterAsync(Answer answer, Random random)
    {
        if (answer.Status is not (0 or 429 or 503) || options.Insists)
            return;
        var asked = TimeSpan.FromSeconds(answer.RetryAfterSeconds * (1 + random.NextDouble()));
        var until = Stopwatch.GetTimestamp();
        do await Task.Delay(asked < s_pauseAfterFailure || _ends ? s_pauseAfterFailure : s_pauseOfRefused);
        while (!_ends && Stopwatch.GetElapsedTime(until) < asked);
    }

    /// <summary>The instant of a connection's n-th request; all connections together make the rate, evenly spread.</summary>
    long DueAt(long number, int index, double rate) =>
        _startedAt + (long)(((number * options.Connections) + index) / rate * Stopwatch.Frequency);

    /// <summary>Returns the instant from which the request's latency counts.</summary>
    async ValueTask<long> WaitUntilDueAsync(long dueAt)
    {
        if (Stopwatch.GetTimestamp() >= dueAt)
            return dueAt;
        for (var now = Stopwatch.GetTimestamp(); now < dueAt && !_ends; now = Stopwatch.GetTimestamp())
        {
            var left = Stopwatch.GetElapsedTime(now, dueAt);
            await Task.Delay(left < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : left);
        }
        return Stopwatch.GetTimestamp();
    }

    /// <returns>The answer; without a status where there was none.</returns>
    static async ValueTask<Answer> TryAsync(HttpConnection connection, ReadOnlyMemory<byte> request)
    {
        try
        {
            return await connection.RoundTripAsync(request);
        }
        catch (Exception exception)
            when (exception
                    is IOException
                        or SocketException
                        or AuthenticationException
                        or InvalidDataException
                        or ObjectDisposedException
            )
        {
            return default;
        }
    }

    // One task for all connections: a timer a request would cost more than the request.
    async Task GiveUpLateRequestsAsync(CancellationToken stops)
    {
        using var timer = new PeriodicTimer(s_watchEvery);
        try
        {
            while (await timer.WaitForNextTickAsync(stops))
            {
                foreach (var connection in _connections)
                    connection.GiveUpAfter(TimeSpan.FromSeconds(options.TimeoutSeconds));
            }
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
    }

    static byte[] RandomValue(LoadOptions options)
    {
        var value = new byte[options.ValueBytes];
        new Random(options.Seed).NextBytes(value);
        return value;
    }
}
