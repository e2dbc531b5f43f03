using System.Globalization;
using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// Requests whose id comes with the fingerprint of the whole: sent again they answer as the first time, and another request
/// under the same id is refused.
/// </summary>
/// <remarks>
/// Row <c>q + id</c> says what the request is. It holds all outcomes of an atomic batch, or the one of an operation that came
/// alone; the outcomes of other batches are in rows <c>i + id + 0 + position</c>, for such a batch may come in several parts.
/// What was remembered before requests came with a fingerprint is recognised by the body of each write; where that cannot tell,
/// the request is refused.
/// </remarks>
internal sealed class NamedRequests(RequestLog rows)
{
    private static readonly AppliedWrite Reused = new(OutcomeKind.RequestIdReused, default, false);

    /// <summary>Whether the write's id is known, and what became of it then.</summary>
    public bool TryRecall(in CommandWrite write, out AppliedWrite earlier)
    {
        var id = write.RequestId!;
        earlier = Reused;
        if (!write.IsNamed)
        {
            // It cannot be compared with a request that was.
            return rows.TryRecall(write, id, out earlier) || IsNamed(id, out earlier);
        }
        var isAlone = write.Position == RequestFingerprint.Alone;
        if (rows.Find(NameOf(id)) is { } request)
        {
            if (request.Fingerprint != write.Fingerprint)
            {
                return true;
            }
            if (isAlone)
            {
                earlier = request.Applied.Writes[0];
                return true;
            }
        }
        if (isAlone)
        {
            return rows.TryRecall(write, id, out earlier);
        }
        if (rows.Find(NameOf(id, write.Position)) is { } item)
        {
            earlier = item.Fingerprint == write.Fingerprint ? item.Applied.Writes[0] : Reused;
            return true;
        }
        return rows.TryRecall(write, UnnamedOf(id, write.Position), out earlier)
            || rows.TryRecall(write, id, out earlier);
    }

    /// <summary>Remembers what became of a write.</summary>
    /// <param name="batch">The batch that applies it.</param>
    /// <param name="write">The write.</param>
    /// <param name="keyHashes">The hash of its key; empty where the command is of a version that did not know of it.</param>
    /// <param name="stampMs">Log time, Unix milliseconds.</param>
    /// <param name="outcome">What became of it.</param>
    public void Remember(
        StoreBatch batch,
        in CommandWrite write,
        ulong[] keyHashes,
        long stampMs,
        in AppliedWrite outcome
    )
    {
        var id = write.RequestId!;
        if (!write.IsNamed)
        {
            rows.Remember(batch, id, RequestLog.BodyHashOf(write), keyHashes, stampMs, outcome);
            return;
        }
        var own = new RequestRow(
            write.Fingerprint,
            new([outcome], AppliedCommand.NotRefused),
            [write.Position],
            keyHashes
        );
        if (write.Position == RequestFingerprint.Alone)
        {
            rows.Put(batch, NameOf(id), stampMs, own);
            return;
        }
        if (rows.Find(NameOf(id)) is null)
        {
            rows.Put(batch, NameOf(id), stampMs, new(write.Fingerprint, AppliedCommand.Nothing, [], []));
        }
        rows.Put(batch, NameOf(id, write.Position), stampMs, own);
    }

    /// <summary>What became of an atomic command that is known; null where it is new.</summary>
    public AppliedCommand? RecallAtomic(CommandWrite[] writes)
    {
        AppliedCommand? known = null;
        for (var i = 0; i < writes.Length; i++)
        {
            if (!writes[i].IsNamed || (i > 0 && writes[i].RequestId == writes[i - 1].RequestId))
            {
                continue;
            }
            if (rows.Find(NameOf(writes[i].RequestId!)) is not { } request)
            {
                continue;
            }
            if (request.Fingerprint != writes[i].Fingerprint || request.Applied.Writes.Length != writes.Length)
            {
                return AppliedCommand.Refused(writes.Length, FirstReused(writes, i, request), Reused);
            }
            known = request.Applied;
        }
        return known ?? RecallUnnamed(writes);
    }

    /// <summary>Remembers what became of an atomic command, done or refused.</summary>
    public void RememberAtomic(
        StoreBatch batch,
        CommandWrite[] writes,
        ulong[] keyHashes,
        long stampMs,
        in AppliedCommand applied
    )
    {
        int[] positions = [.. writes.Select(write => write.Position)];
        for (var i = 0; i < writes.Length; i++)
        {
            if (writes[i].IsNamed && (i == 0 || writes[i].RequestId != writes[i - 1].RequestId))
            {
                rows.Put(
                    batch,
                    NameOf(writes[i].RequestId!),
                    stampMs,
                    new(writes[i].Fingerprint, applied, positions, keyHashes)
                );
            }
        }
    }

    /// <summary>
    /// The first write, from <paramref name="at"/> on, that stands where the id's earlier request wrote too; else that at
    /// <paramref name="at"/>.
    /// </summary>
    private int FirstReused(CommandWrite[] writes, int at, RequestRow earlier)
    {
        var id = writes[at].RequestId!;
        var first = Array.FindIndex(
            writes,
            at,
            write =>
                write.RequestId == id
                && (earlier.Positions.Contains(write.Position) || rows.Find(NameOf(id, write.Position)) is not null)
        );
        return first < 0 ? at : first;
    }

    /// <summary>It may have been remembered write by write: then all of it was, or it is another request.</summary>
    private AppliedCommand? RecallUnnamed(CommandWrite[] writes)
    {
        var outcomes = new AppliedWrite[writes.Length];
        int recalled = 0,
            unknownAt = -1;
        for (var i = 0; i < writes.Length; i++)
        {
            if (
                writes[i].IsNamed
                && (
                    rows.TryRecall(writes[i], UnnamedOf(writes[i].RequestId!, writes[i].Position), out outcomes[i])
                    || rows.TryRecall(writes[i], writes[i].RequestId!, out outcomes[i])
                )
            )
            {
                recalled++;
                if (outcomes[i].Kind == OutcomeKind.RequestIdReused)
                {
                    return AppliedCommand.Refused(writes.Length, i, Reused);
                }
            }
            else if (unknownAt < 0)
            {
                unknownAt = i;
            }
        }
        return recalled == 0 ? null
            : unknownAt >= 0 ? AppliedCommand.Refused(writes.Length, unknownAt, Reused)
            : new(outcomes, AppliedCommand.NotRefused);
    }

    /// <summary>Whether a request that came with a fingerprint has the id, or the batch whose item the id would be.</summary>
    private bool IsNamed(string id, out AppliedWrite reused)
    {
        reused = Reused;
        var sign = id.LastIndexOf('#');
        return rows.Find(NameOf(id)) is not null || (sign > 0 && rows.Find(NameOf(id[..sign])) is not null);
    }

    private static string NameOf(string id) => "q" + id;

    private static string NameOf(string id, int position) =>
        string.Create(CultureInfo.InvariantCulture, $"i{id}\0{position}");

    /// <summary>The id under which an item of a batch was remembered before.</summary>
    private static string UnnamedOf(string id, int position) =>
        string.Create(CultureInfo.InvariantCulture, $"{id}#{position}");
}
