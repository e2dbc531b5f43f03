using Exapyte.Client.Lanes;
using Exapyte.Client.Routing;
using Exapyte.Client.Rules;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>A caller's batch under way: what is asked, what each item has met so far, and where the outcomes go.</summary>
internal sealed record BatchCall(
    IReadOnlyList<Operation> Operations,
    bool Atomic,
    long DeadlineMs,
    bool NamesWrites,
    ClientSession? Session = null
)
{
    public OperationResult[] Results { get; } = new OperationResult[Operations.Count];

    /// <summary>What each item ended by; null where nothing was answered.</summary>
    public BatchReply?[] Replies { get; } = new BatchReply?[Operations.Count];

    public AttemptHistory[] Histories { get; } = new AttemptHistory[Operations.Count];

    /// <summary>Whether all of these items lie in one shard of the map.</summary>
    public bool InOneShard(KeyspaceMap map, List<int> positions)
    {
        var shard = map.ShardIndexOf(Operations[positions[0]].Key.Span);
        return positions.TrueForAll(at => map.ShardIndexOf(Operations[at].Key.Span) == shard);
    }
}

/// <summary>
/// The life of those items of a batch that lie in one shard and travel in one call. As that of a single operation, but
/// what must be tried again goes as one smaller group, in the old order. An item is not tried again once a later write to
/// its key may have been executed: it would undo that one.
/// </summary>
internal sealed class GroupRun(
    BatchCall call,
    List<int> group,
    ReplicationKind replication,
    RetryLoop loop,
    ExapyteClientOptions options
) : IRetriedCall<Attempt>
{
    private static readonly OperationOutcome OtherKeyspace = OperationOutcome.Of(
        OutcomeKind.NoSuchKeyspace,
        "The keyspace was deleted while the batch was under way; nothing changed."
    );

    private readonly long attemptMs = (long)options.AttemptTimeout.TotalMilliseconds;
    private List<int> pending = group;
    private RoutedMap? scattered;

    /// <summary>The items that are not done yet.</summary>
    public List<int> Pending => pending;

    /// <inheritdoc/>
    public Preference Preference { get; } =
        group.Max(at => LevelRules.PreferenceOf(replication, call.Operations[at].IsWrite, call.Operations[at].Level));

    /// <inheritdoc/>
    public long DeadlineMs => call.DeadlineMs;

    /// <summary>
    /// Runs the group to its end. Returns null then, or a newer map by which the items of <see cref="Pending"/> lie in
    /// several shards.
    /// </summary>
    public async Task<RoutedMap?> RunAsync(RoutedMap map, CancellationToken cancellationToken)
    {
        await loop.RunAsync<GroupRun, Attempt>(this, map, cancellationToken).ConfigureAwait(false);
        return scattered;
    }

    /// <inheritdoc/>
    public ShardRoute? RouteOf(RoutedMap map) => map.RouteOf(call.Operations[pending[0]].Key.Span);

    /// <inheritdoc/>
    public ValueTask<Attempt> AskAsync(
        RoutedMap map,
        ReplicaBatcher lane,
        bool atAnyMember,
        long nowMs,
        CancellationToken cancellationToken
    )
    {
        var operations = new Operation[pending.Count];
        for (var i = 0; i < operations.Length; i++)
        {
            operations[i] = call.Operations[pending[i]].With(call.Session, map.Map, lane.Key.ShardId);
            operations[i] = atAnyMember ? operations[i] with { AtAnyMember = true } : operations[i];
        }
        var patience = AttemptDeadlines.Of(
            nowMs + attemptMs,
            call.DeadlineMs,
            Preference != Preference.Nearest,
            AllRepeatable()
        );
        return lane.RunAsync(PendingOperation.Rent(operations, call.Atomic, patience), cancellationToken);
    }

    /// <inheritdoc/>
    public Verdict Judge(RoutedMap map, ReplicaBatcher lane, Attempt attempt)
    {
        var (step, why) = Take(map, lane, attempt);
        if (pending.Count == 0)
        {
            return new(NextStep.Done, attempt.Kind, why);
        }
        // A read that goes again behind its write was answered itself, which says nothing of where that write goes.
        return new(step == NextStep.Done ? NextStep.NextReplica : step, attempt.Kind, why);
    }

    /// <inheritdoc/>
    public void OutOfTime() => EndAll(at => call.Histories[at].OutOfTime(call.Operations[at]));

    /// <inheritdoc/>
    public void Lost(MapLookup? found) => EndAll(found?.WhyNot ?? OtherKeyspace);

    /// <inheritdoc/>
    public bool GoesOnBy(RoutedMap newer)
    {
        scattered = call.InOneShard(newer.Map, pending) ? null : newer;
        return scattered is null;
    }

    private bool AllRepeatable() => pending.TrueForAll(at => RetryRules.IsRepeatable(call.Operations[at]));

    /// <summary>Takes what came back: ends what is done, keeps what is not; returns what to do about the first of those.</summary>
    private (NextStep Step, OperationOutcome? Why) Take(RoutedMap map, ReplicaBatcher lane, Attempt attempt)
    {
        var steps = new NextStep[pending.Count];
        // An atomic batch goes again as a whole, or not: looked at once, not once for each item.
        var isWholeRepeatable = call.Atomic && AllRepeatable();
        for (var i = 0; i < steps.Length; i++)
        {
            var at = pending[i];
            var isRepeatable = call.Atomic ? isWholeRepeatable : RetryRules.IsRepeatable(call.Operations[at]);
            call.Histories[at].Note(attempt.Kind, attempt.OutcomeAt(i));
            steps[i] = RetryRules.After(isRepeatable, attempt.Kind, attempt.OutcomeAt(i));
        }
        var retried = Retried(steps, attempt);
        List<int> left = [];
        (NextStep, OperationOutcome?) first = (NextStep.Done, null);
        for (var i = 0; i < steps.Length; i++)
        {
            if (!retried[i])
            {
                End(map, lane, attempt, i);
                continue;
            }
            // An item that is worth another try decides before one that is not.
            if (left.Count == 0 || (RetryRules.Lasts(first.Item2) && !RetryRules.Lasts(attempt.OutcomeAt(i))))
            {
                first = (steps[i], attempt.OutcomeAt(i));
            }
            left.Add(pending[i]);
        }
        pending = left;
        return first;
    }

    /// <summary>
    /// Which items go again. Walks from the end, remembering the keys that later writes may have changed; then from the
    /// beginning: a read behind a write to its key that goes again has not seen that write, and goes with it.
    /// </summary>
    private bool[] Retried(NextStep[] steps, Attempt attempt)
    {
        var again = new bool[steps.Length];
        if (call.Atomic)
        {
            Array.Fill(again, Array.Exists(steps, step => step != NextStep.Done) && MayGoAgain(steps, attempt));
            return again;
        }
        HashSet<KeyBytes> written = [];
        for (var i = steps.Length - 1; i >= 0; i--)
        {
            var operation = call.Operations[pending[i]];
            var key = new KeyBytes(operation.Key);
            again[i] = steps[i] != NextStep.Done && !written.Contains(key);
            if (operation.IsWrite && MayHaveChanged(attempt, i))
            {
                written.Add(key);
            }
        }
        HashSet<KeyBytes> awaited = [];
        for (var i = 0; i < steps.Length; i++)
        {
            var operation = call.Operations[pending[i]];
            var key = new KeyBytes(operation.Key);
            if (operation.IsWrite && again[i])
            {
                awaited.Add(key);
            }
            again[i] |= !operation.IsWrite && awaited.Contains(key);
        }
        return again;
    }

    /// <summary>An atomic batch goes again as a whole, unless some item of it was executed.</summary>
    private static bool MayGoAgain(NextStep[] steps, Attempt attempt)
    {
        for (var i = 0; i < steps.Length; i++)
        {
            if (steps[i] == NextStep.Done && attempt.OutcomeAt(i) is null or { Kind: OutcomeKind.Ok })
            {
                return false;
            }
        }
        return true;
    }

    private static bool MayHaveChanged(Attempt attempt, int index) =>
        attempt.OutcomeAt(index) is { } outcome
            ? outcome.Kind is OutcomeKind.Ok or OutcomeKind.Unknown
            : RetryRules.MayHaveHappened(attempt.Kind, null);

    private void End(RoutedMap map, ReplicaBatcher lane, Attempt attempt, int index)
    {
        var at = pending[index];
        var operation = call.Operations[at];
        var outcome = call.Histories[at].Outcome(operation, attempt.Kind, attempt.OutcomeAt(index));
        outcome = call.Session.Note(map.Map, lane, outcome, attempt);
        var level = LevelRules.Resolve(map.Map.Settings.Replication, operation.Level);
        call.Results[at] = new(outcome, Served.By(lane, attempt, level, outcome));
        call.Replies[at] = attempt.Reply;
    }

    /// <summary>Ends all that is left by this refusal; what an earlier try may have done stays in doubt.</summary>
    public void EndAll(OperationOutcome why) => EndAll(at => call.Histories[at].Lost(call.Operations[at], why));

    private void EndAll(Func<int, OperationOutcome> outcomeOf)
    {
        foreach (var at in pending)
        {
            call.Results[at] = new(outcomeOf(at), ServedBy.Nothing);
        }
        pending = [];
    }
}
