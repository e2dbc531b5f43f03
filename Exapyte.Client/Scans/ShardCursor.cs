using Exapyte.Operations;

namespace Exapyte.Client.Scans;

/// <summary>How far the walk through one shard has come, and what was fetched ahead of it.</summary>
internal sealed class ShardCursor(long shardId, ScanBounds bounds, KeyFolding folding, bool reverse)
{
    private ListedEntry[] fetched = [];
    private int next;
    private bool more = true;

    public long ShardId => shardId;

    /// <summary>What is left of the range in this shard behind all that was fetched.</summary>
    public ScanBounds Rest { get; private set; } = bounds;

    /// <summary>Whether an entry is at hand.</summary>
    public bool HasHead => next < fetched.Length;

    /// <summary>Whether the shard must be asked before it is known what comes next in it.</summary>
    public bool IsDry => !HasHead && more;

    /// <summary>Whether there may be more of this shard behind what was taken.</summary>
    public bool MayHaveMore => HasHead || more;

    /// <summary>Entries that the last page was asked for.</summary>
    public int Asked { get; set; }

    public ListedEntry Head => fetched[next];

    /// <summary>What comes next: the head's key, or the common prefix into which it folds.</summary>
    public ReadOnlyMemory<byte> HeadKey =>
        folding.FoldedBytes(Head.Key.Span) is > 0 and var folded ? Head.Key[..folded] : Head.Key;

    public ListedEntry Take() => fetched[next++];

    /// <summary>Passes over what is at hand of a common prefix.</summary>
    public void Skip(ReadOnlyMemory<byte> prefix)
    {
        while (HasHead && Head.Key.Span.StartsWith(prefix.Span))
        {
            next++;
        }
    }

    /// <summary>Takes a page of the shard, which begins where <see cref="Rest"/> began.</summary>
    public void Fill(ScanReply page)
    {
        fetched = page.Entries;
        next = 0;
        if (fetched.Length > 0)
        {
            Rest = Rest.Behind(fetched[^1].Key, folding, reverse);
        }
        more = page.More && !Rest.IsEmpty;
    }
}
