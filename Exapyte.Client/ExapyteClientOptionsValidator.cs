using Exapyte.Topology;
using Microsoft.Extensions.Options;

namespace Exapyte.Client;

/// <summary>Refuses settings that cannot work, with every reason at once.</summary>
internal sealed class ExapyteClientOptionsValidator : IValidateOptions<ExapyteClientOptions>
{
    private static readonly TimeSpan TimeoutMin = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan ConnectMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan TimeoutMax = TimeSpan.FromMinutes(5);

    /// <exception cref="OptionsValidationException">They are not acceptable.</exception>
    public static void Demand(ExapyteClientOptions options)
    {
        var result = new ExapyteClientOptionsValidator().Validate(null, options);
        if (result.Failed)
        {
            throw new OptionsValidationException(
                nameof(ExapyteClientOptions),
                typeof(ExapyteClientOptions),
                result.Failures
            );
        }
    }

    public ValidateOptionsResult Validate(string? name, ExapyteClientOptions options)
    {
        List<string> reasons = [];
        Within(reasons, nameof(options.OperationTimeout), options.OperationTimeout, TimeoutMin, TimeoutMax);
        Within(reasons, nameof(options.AttemptTimeout), options.AttemptTimeout, TimeoutMin, TimeoutMax);
        Within(reasons, nameof(options.ConnectTimeout), options.ConnectTimeout, ConnectMin, TimeoutMax);
        Within(reasons, nameof(options.QueuedOperationsMax), options.QueuedOperationsMax, 1, 1_000_000);
        Within(reasons, nameof(options.InflightBatchesMax), options.InflightBatchesMax, 1, 64);
        Within(reasons, nameof(options.BatchOperationsMax), options.BatchOperationsMax, 1, 10_000);
        Within(reasons, nameof(options.CacheBytesMax), options.CacheBytesMax, 0, 1L << 40);
        Within(
            reasons,
            nameof(options.RetryPauseMin),
            options.RetryPauseMin,
            TimeSpan.FromMilliseconds(1),
            TimeSpan.FromSeconds(10)
        );
        Within(
            reasons,
            nameof(options.RetryPauseMax),
            options.RetryPauseMax,
            options.RetryPauseMin,
            TimeSpan.FromMinutes(1)
        );
        if (options.Region is null)
        {
            reasons.Add($"{nameof(options.Region)} must not be null; leave it empty for none.");
        }
        if (options.LocalNode is null || (options.LocalNode.Length > 0 && !NodeKey.IsNodeId(options.LocalNode)))
        {
            reasons.Add($"{nameof(options.LocalNode)} '{options.LocalNode}' is no node id; leave it empty for none.");
        }
        return reasons.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(reasons);
    }

    private static void Within<T>(List<string> reasons, string name, T value, T least, T most)
        where T : IComparable<T>
    {
        if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
        {
            reasons.Add($"{name} must be {least} to {most}, not {value}.");
        }
    }
}
