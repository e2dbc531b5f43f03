using System.Text;
using Exapyte.Client;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>Watches a keyspace until it is cancelled, and keeps what it hears. Thread-safe.</summary>
internal sealed class WatchRecord
{
    private readonly Lock gate = new();
    private readonly List<ChangesPart> parts = [];

    public WatchRecord(IAsyncEnumerable<ChangesPart> watched) => _ = Task.Run(() => FollowAsync(watched));

    /// <summary>Completes with the first part: what is acknowledged from then on is told.</summary>
    public TaskCompletionSource Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The newest token.</summary>
    public ChangeToken? LastToken { get; private set; }

    /// <summary>Why it has ended; null while it goes on.</summary>
    public ChangesPart? Ended { get; private set; }

    /// <summary>The changes so far, each with its token.</summary>
    public ChangesPart[] Parts
    {
        get
        {
            lock (gate)
            {
                return [.. parts];
            }
        }
    }

    /// <summary>The changes so far, as kind and key.</summary>
    public string[] Texts =>
        Array.ConvertAll(Parts, part => $"{part.Change!.Kind} {Encoding.UTF8.GetString(part.Change.Key.Span)}");

    /// <summary>Waits until so many changes have been heard.</summary>
    public Task Hears(int changes) =>
        Eventually.Holds(
            () => Parts.Length >= changes,
            $"A watcher hears {changes} changes.",
            TimeSpan.FromSeconds(60)
        );

    private async Task FollowAsync(IAsyncEnumerable<ChangesPart> watched)
    {
        try
        {
            await foreach (var part in watched)
            {
                LastToken = part.Token ?? LastToken;
                if (part.Kind != OutcomeKind.Ok)
                {
                    Ended = part;
                }
                else if (part.Change is not null)
                {
                    lock (gate)
                    {
                        parts.Add(part);
                    }
                }
                Started.TrySetResult();
            }
        }
        catch (Exception exception)
        {
            Started.TrySetException(exception);
        }
    }
}
