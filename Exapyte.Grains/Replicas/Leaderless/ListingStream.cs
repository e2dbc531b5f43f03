using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>One replica's entries in the order of a listing, a page at hand at a time. One thread at a time.</summary>
/// <param name="peer">The replica; null for this one.</param>
/// <param name="store">This replica's store.</param>
/// <param name="template">What each page asks for, but for its bounds.</param>
/// <param name="range">The range to be read.</param>
internal sealed class ListingStream(IShardGrain? peer, IShardStore store, LocalScanRequest template, KeyRange range)
{
    private readonly KeyRange range = range;
    private KeyRange rest = range;
    private LocalScanReply page = new() { Kind = OutcomeKind.Ok };
    private int next;
    private bool more = true;

    /// <summary>Whether an entry is at hand.</summary>
    public bool HasHead => next < page.Entries.Length;

    /// <summary>Whether it must be asked before it is known what comes next in it.</summary>
    public bool IsDry => !HasHead && more;

    /// <summary>Whether there may be anything behind what was taken.</summary>
    public bool MayHaveMore => HasHead || more;

    /// <summary>The entry that comes next.</summary>
    public StampedEntry Head => page.Entries[next];

    /// <summary>Bytes of its value, also where it was left out.</summary>
    public int HeadValueBytes => next < page.ValueBytes.Length ? page.ValueBytes[next] : Head.Value.Length;

    public void Skip() => next++;

    /// <summary>Goes past all that begins with the prefix.</summary>
    public void SkipFolded(ReadOnlyMemory<byte> prefix)
    {
        while (HasHead && Head.Key.Span.StartsWith(prefix.Span))
        {
            next++;
        }
        if (FoldedScans.Behind(rest, prefix, template.Reverse) is { } behind)
        {
            rest = behind;
        }
        else
        {
            more = false;
        }
    }

    /// <summary>Goes on right behind a key that has been taken: of the keys that fold as it does some were left out.</summary>
    public void Rewind(ReadOnlyMemory<byte> key)
    {
        page = new() { Kind = OutcomeKind.Ok };
        next = 0;
        more = true;
        rest = Behind(range, key, template.Reverse);
    }

    /// <summary>The part of a range behind a key, in the direction of the listing.</summary>
    public static KeyRange Behind(KeyRange range, ReadOnlyMemory<byte> key, bool reverse) =>
        reverse ? new(range.Start, key) : new((byte[])[.. key.Span, 0], range.End);

    /// <summary>Takes the next page; false where the replica has none to give.</summary>
    public async Task<bool> Fill(CancellationToken ended)
    {
        if (rest.IsEmpty)
        {
            more = false;
            return true;
        }
        var request = new LocalScanRequest
        {
            Start = rest.Start,
            End = rest.End,
            Reverse = template.Reverse,
            EntriesMax = template.EntriesMax,
            BytesMax = template.BytesMax,
            KeysOnly = template.KeysOnly,
            FromReplicaId = template.FromReplicaId,
            MapEpoch = template.MapEpoch,
            Delimiter = template.Delimiter,
            FoldFrom = template.FoldFrom,
            NowMs = template.NowMs,
        };
        var reply = peer is null ? LocalRows.Read(store, request) : await AskPeer(peer, request).WaitAsync(ended);
        // An empty page that claims more leads nowhere.
        if (reply is not { Kind: OutcomeKind.Ok } || reply is { More: true, Entries.Length: 0 })
        {
            return false;
        }
        page = reply;
        next = 0;
        more = reply.More;
        if (more)
        {
            rest = Behind(rest, reply.Entries[^1].Key, template.Reverse);
        }
        return true;
    }

    private static async Task<LocalScanReply?> AskPeer(IShardGrain peer, LocalScanRequest request)
    {
        try
        {
            return await peer.ScanLocal(request);
        }
        catch (Exception)
        {
            // A peer that cannot be asked has no page: another one takes its place.
            return null;
        }
    }
}
