using Exapyte.Client;
using Exapyte.Gateway.Control;
using Exapyte.Gateway.Problems;
using Exapyte.Operations;

namespace Exapyte.Gateway.Imports;

/// <summary>
/// Puts what an import reads, in batches: while one is under way the next is gathered, and no more than that. Of two lines
/// with one key the later wins: they never share a batch, and a batch begins when the one before it has ended. What is
/// refused without a change is sent again for a while; a write whose outcome is unknown is not. Not thread-safe.
/// </summary>
internal sealed class ImportRun(
    IExapyteClient client,
    string keyspace,
    ClientSession? session,
    ExapyteGatewayOptions limits,
    TimeProvider time
)
{
    private const int ErrorsMax = 100;
    private const int TriesMax = 6;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly HashSet<ReadOnlyMemory<byte>> keys = new(KeyComparer.Instance);
    private readonly List<ImportErrorDocument> errors = [];
    private List<Put> batch = [];
    private Task<Problem?> underWay = Task.FromResult<Problem?>(null);
    private long bytes;
    private long imported;
    private long failed;
    private bool isInDoubt;

    /// <summary>Lines passed over because their entries had expired.</summary>
    public long Expired { get; set; }

    /// <summary>The counts so far; call it when nothing is under way.</summary>
    public ImportDocument Document => new(imported, Expired, failed, errors);

    /// <summary>Takes a put; the problem that ends the import where there is one.</summary>
    public async ValueTask<Problem?> AddAsync(long line, Operation put)
    {
        var own = put.Key.Length + put.Value.Length;
        if (
            batch.Count == limits.BatchItemsMax
            || (batch.Count > 0 && bytes + own > limits.BatchBytesMax)
            || keys.Contains(put.Key)
        )
        {
            if (await BeginNextAsync() is { } problem)
            {
                return problem;
            }
        }
        batch.Add(new(line, put));
        keys.Add(put.Key);
        bytes += own;
        return null;
    }

    /// <summary>Returns when all that was taken has been put; the problem that ends the import where there is one.</summary>
    public async ValueTask<Problem?> FinishAsync() =>
        (batch.Count == 0 ? null : await BeginNextAsync()) ?? await underWay;

    /// <summary>A problem with what the import did before it.</summary>
    public Problem End(Problem problem, long line) =>
        problem with
        {
            Line = line,
            Import = Document,
            InDoubt = problem.InDoubt || isInDoubt || imported > 0,
            Retryable = problem.Retryable && !isInDoubt && imported == 0,
        };

    private async ValueTask<Problem?> BeginNextAsync()
    {
        if (await underWay is { } problem)
        {
            return problem;
        }
        underWay = SendAsync(batch);
        batch = [];
        keys.Clear();
        bytes = 0;
        return null;
    }

    private async Task<Problem?> SendAsync(List<Put> puts)
    {
        List<(Put Put, Problem Problem)> refused = [];
        var left = puts;
        for (var tries = 1; left.Count > 0; tries++)
        {
            if (tries > 1)
            {
                await Task.Delay(Pause * (1 << (tries - 2)), time, CancellationToken.None);
            }
            var results = await client.ExecuteBatchAsync(
                keyspace,
                left.ConvertAll(put => put.Operation),
                atomic: false,
                new CallOptions { Session = session },
                CancellationToken.None
            );
            List<Put> again = [];
            for (var i = 0; i < results.Length; i++)
            {
                if (OutcomeProblems.Of(results[i].Outcome, repeatable: false) is not { } problem)
                {
                    imported++;
                }
                else if (problem.Retryable && tries < TriesMax)
                {
                    again.Add(left[i]);
                }
                else
                {
                    refused.Add((left[i], problem));
                }
            }
            left = again;
        }
        return Report(refused, puts.Count);
    }

    /// <summary>Where nothing of a batch is taken, nothing behind it will be: the import ends there.</summary>
    private Problem? Report(List<(Put Put, Problem Problem)> refused, int puts)
    {
        if (refused.Count == 0)
        {
            return null;
        }
        failed += refused.Count;
        refused.Sort(static (one, other) => one.Put.Line.CompareTo(other.Put.Line));
        foreach (var (put, problem) in refused)
        {
            isInDoubt |= problem.InDoubt;
            if (errors.Count < ErrorsMax)
            {
                errors.Add(new(put.Line, problem.Kind.Code, problem.Detail, problem.Retryable, problem.InDoubt));
            }
        }
        var (first, why) = refused[0];
        return refused.Count < puts
            ? null
            : End(why.Kind == ProblemKinds.NoSuchKeyspace ? OutcomeProblems.NoSuchKeyspace(keyspace) : why, first.Line);
    }

    private readonly record struct Put(long Line, Operation Operation);

    private sealed class KeyComparer : IEqualityComparer<ReadOnlyMemory<byte>>
    {
        public static readonly KeyComparer Instance = new();

        public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

        public int GetHashCode(ReadOnlyMemory<byte> key)
        {
            var hash = new HashCode();
            hash.AddBytes(key.Span);
            return hash.ToHashCode();
        }
    }
}
