namespace Exapyte.Load;

/// <summary>
/// What a recorded scenario has to show. Nothing here is an absolute number: a run is judged by its own answers, and
/// throughput by that of the other runs beside it. Of several runs alike the median counts.
/// </summary>
static class Expectations
{
    /// <summary>What is left of the peak past saturation, at least.</summary>
    const double GoodputLeftMin = 0.8;

    /// <summary>From this share of the peak on a service counts as saturated.</summary>
    const double SaturatedFrom = 0.9;

    const string Refused = "429";

    /// <summary>One line for each expectation that was missed; none where all were met.</summary>
    public static IReadOnlyList<string> Missed(string scenario, IReadOnlyList<LoadResult> results)
    {
        List<string> missed = [.. results.SelectMany(result => MissedByAnswers(result, scenario))];
        var goodput = results
            .GroupBy(result => result.Options.Connections)
            .OrderBy(alike => alike.Key)
            .Select(alike => (Connections: alike.Key, PerSecond: Median(alike.Select(one => one.OperationsPerSecond))))
            .ToList();
        var peak = goodput.Max(run => run.PerSecond);
        // Where connections saturate the service, twice as many must not bring it down.
        var saturated = goodput.First(run => run.PerSecond >= SaturatedFrom * peak).Connections;
        missed.AddRange(
            goodput
                .Where(run => run.Connections >= 2 * saturated && run.PerSecond < GoodputLeftMin * peak)
                .Select(run =>
                    $"{run.Connections} connections: {run.PerSecond:N0} good answers a second, less than "
                    + $"{GoodputLeftMin:P0} of the peak of {peak:N0}; {saturated} connections saturate it"
                )
        );
        if (scenario == "concurrent_client_connections" && !results[^1].ByStatus.ContainsKey(Refused))
            missed.Add(
                $"{goodput[^1].Connections} connections: nobody was refused with 429, so nothing bounds the load"
            );
        return missed;
    }

    static IEnumerable<string> MissedByAnswers(LoadResult result, string scenario)
    {
        var run = $"{result.Options.Connections} connections";
        if (result.Operations == 0)
            yield return $"{run}: no good answer";
        var strange = result.ByStatus.Where(status => !IsExpected(status.Key, scenario)).ToList();
        if (strange.Count > 0)
            yield return $"{run}: {string.Join(' ', strange.Select(status => $"{status.Key}:{status.Value}"))}";
        long[] percentiles =
        [
            1,
            result.P50Microseconds,
            result.P99Microseconds,
            result.P999Microseconds,
            result.MaxMicroseconds,
        ];
        if (result.Operations > 0 && !percentiles.SequenceEqual(percentiles.Order()))
            yield return $"{run}: percentiles are out of order: {string.Join(' ', percentiles.Skip(1))}";
        var whole = (long)result.Options.ScanLimit * result.Options.ValueBytes;
        if (result.Options.Mix.Scan >= 1 && result.BodyBytes < whole)
            yield return $"{run}: pages of {result.BodyBytes} bytes are not whole, which takes {whole}";
    }

    // Only where more is asked than the service takes at once may it refuse; all else is a failure.
    static bool IsExpected(string status, string scenario) =>
        status.StartsWith('2') || (status == Refused && scenario == "concurrent_client_connections");

    static double Median(IEnumerable<double> numbers)
    {
        var sorted = numbers.Order().ToList();
        return sorted[sorted.Count / 2];
    }
}
