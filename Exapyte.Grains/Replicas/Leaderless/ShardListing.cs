using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>A key on which replicas differ, and about how many bytes its entry takes.</summary>
internal readonly record struct DifferingKey(ReadOnlyMemory<byte> Key, int Bytes);

/// <summary>One page under way. One thread at a time.</summary>
internal sealed class ShardListing(
    ReplicaContext context,
    ScanRequest request,
    ShardPeers current,
    bool selfCounts,
    int needed,
    long[] holders
)
{
    private static readonly TimeSpan PagePatience = TimeSpan.FromSeconds(1);

    private readonly KeyFolding folding = request.Folding();
    private readonly long nowMs = context.NowMs;
    private readonly List<ListingStream> streams = [];
    private readonly Queue<IShardGrain> spare = [];
    private readonly HashSet<ListingStream> ofHolders = [];
    private readonly LocalScanRequest template = new()
    {
        Start = default,
        Reverse = request.Reverse,
        EntriesMax = Math.Max(1, request.EntriesMax),
        BytesMax = Math.Clamp(request.BytesMax, 1, Limits.WireBatchBytesMax),
        KeysOnly = request.KeysOnly,
        FromReplicaId = context.Identity.ReplicaId,
        MapEpoch = current.Epoch,
        Delimiter = request.Delimiter,
        FoldFrom = request.FoldFrom,
        NowMs = context.NowMs,
    };
    private StampedEntry? doubted;
    private KeyRange rest = new(request.Start, request.End);
    private long bytes;

    /// <summary>The page so far.</summary>
    public List<ListedEntry> Entries { get; } = [];

    /// <summary>Keys on which the replicas differ.</summary>
    public List<DifferingKey> Differing { get; } = [];

    /// <summary>The greatest stamp met, deleted entries included.</summary>
    public ulong Newest { get; private set; }

    /// <summary>
    /// Whether the merge has stopped at a key on which the replicas differ: whether its common prefix is listed can be told only
    /// after <see cref="Replace"/>, and then the merge goes on.
    /// </summary>
    public bool IsUnderWay { get; private set; }

    /// <summary>Whether there may be more behind the page.</summary>
    public bool MayHaveMore => streams.Exists(stream => stream.MayHaveMore);

    private bool IsFull =>
        Entries.Count >= request.EntriesMax || bytes >= request.BytesMax || Differing.Count >= Limits.PageEntriesMax;

    /// <summary>Opens the streams: this replica's, where it counts, and those of the first others that answer.</summary>
    public async Task<bool> Open(CancellationToken ended)
    {
        if (selfCounts)
        {
            streams.Add(StreamOf(null));
            await streams[0].Fill(ended);
        }
        var asked = current
            .Counting.Where(peer => context.Node.IsInReach(peer.Placed.Node))
            .Select(peer => (Peer: peer, Stream: StreamOf(peer.Grain)))
            .Select(one => (one.Peer, one.Stream, Filled: one.Stream.Fill(ended)))
            .ToList();
        while ((streams.Count < needed || ofHolders.Count < holders.Length) && asked.Count > 0)
        {
            var first = await Task.WhenAny(asked.Select(one => one.Filled)).WaitAsync(ended);
            var at = asked.FindIndex(one => one.Filled == first);
            if (await first)
            {
                streams.Add(asked[at].Stream);
                if (holders.Contains(asked[at].Peer.ReplicaId))
                {
                    ofHolders.Add(asked[at].Stream);
                }
            }
            asked.RemoveAt(at);
        }
        foreach (var (peer, _, filled) in asked)
        {
            spare.Enqueue(peer.Grain);
            _ = filled.ContinueWith(
                static task => _ = task.Exception,
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default
            );
        }
        return streams.Count >= needed && ofHolders.Count == holders.Length;
    }

    /// <summary>Merges until the page is full or nothing is left; false where too few replicas go on answering.</summary>
    public async Task<bool> Merge(CancellationToken ended)
    {
        IsUnderWay = false;
        while (!IsFull && !IsUnderWay)
        {
            for (var i = 0; i < streams.Count; i++)
            {
                if (streams[i].IsDry && !await Refill(i, ended))
                {
                    return false;
                }
            }
            if (!TakeFirst())
            {
                break;
            }
        }
        return true;
    }

    /// <summary>Puts what a quorum read found in the place of what the replicas held when they were listed.</summary>
    public void Replace(StampedEntry[] newest)
    {
        foreach (var entry in newest)
        {
            Newest = Math.Max(Newest, entry.Version.Revision);
            if (doubted is not null && doubted.Key.Span.SequenceEqual(entry.Key.Span))
            {
                Decide(entry);
                continue;
            }
            var at = Entries.FindIndex(listed => listed.Key.Span.SequenceEqual(entry.Key.Span));
            if (at < 0)
            {
                continue;
            }
            var stored = StampedCodec.ToStored(entry);
            if (stored.IsLive(nowMs))
            {
                Entries[at] = Listed(entry, entry.Value.Length);
            }
            else
            {
                Entries.RemoveAt(at);
            }
        }
    }

    private ListingStream StreamOf(IShardGrain? peer) => new(peer, context.Local.Store, template, rest);

    /// <summary>Gets a stream's next page, from another replica where this one does not answer any more.</summary>
    private async Task<bool> Refill(int at, CancellationToken ended)
    {
        while (true)
        {
            if (await FilledInTime(streams[at], ended))
            {
                return true;
            }
            if (ofHolders.Contains(streams[at]) || !spare.TryDequeue(out var other))
            {
                return false;
            }
            streams[at] = StreamOf(other);
        }
    }

    private async Task<bool> FilledInTime(ListingStream stream, CancellationToken ended)
    {
        try
        {
            return await stream.Fill(ended).WaitAsync(PagePatience, context.Node.Time, ended);
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Takes the newest entry of the first key from all replicas; false where nothing is left.</summary>
    private bool TakeFirst()
    {
        StampedEntry? first = null;
        var valueBytes = 0;
        foreach (var stream in streams)
        {
            if (!stream.HasHead)
            {
                continue;
            }
            var head = stream.Head;
            var order = first is null ? -1 : Order(head.Key, first.Key);
            if (order < 0 || (order == 0 && head.Version > first!.Version))
            {
                first = head;
                valueBytes = stream.HeadValueBytes;
            }
        }
        if (first is null)
        {
            return false;
        }
        var isLive = StampedCodec.ToStored(first).IsLive(nowMs);
        var isFolded = folding.FoldedBytes(first.Key.Span) > 0;
        var differ = Pass(first, isLive, isFolded);
        rest = ListingStream.Behind(rest, first.Key, request.Reverse);
        Newest = Math.Max(Newest, first.Version.Revision);
        if (differ)
        {
            Differing.Add(new(first.Key, WireBatches.EntryOverheadBytes + first.Key.Length + valueBytes));
        }
        if (isLive && isFolded && differ)
        {
            doubted = first;
            IsUnderWay = true;
        }
        else if (isLive)
        {
            Take(first, valueBytes);
        }
        return true;
    }

    /// <summary>Takes the key out of all streams; returns whether the replicas differ on it.</summary>
    private bool Pass(StampedEntry first, bool isLive, bool isFolded)
    {
        bool isLacking = false,
            isOlder = false;
        foreach (var stream in streams)
        {
            if (!stream.HasHead || Order(stream.Head.Key, first.Key) != 0)
            {
                isLacking = true;
                continue;
            }
            var head = stream.Head;
            isOlder |= head.Version < first.Version;
            stream.Skip();
            if (isFolded && !isLive && StampedCodec.ToStored(head).IsLive(nowMs))
            {
                // This replica took it for one that is there, and left out those behind it that fold as it does.
                stream.Rewind(first.Key);
            }
        }
        // A tombstone that only some replicas hold is being swept: there is nothing to bring to the others.
        return isOlder || (isLacking && isLive);
    }

    /// <summary>Puts an entry into the page; of a common prefix it is the only one.</summary>
    private void Take(StampedEntry entry, int valueBytes)
    {
        Entries.Add(Listed(entry, valueBytes));
        bytes += entry.Key.Length + entry.Value.Length;
        var folded = folding.FoldedBytes(entry.Key.Span);
        if (folded == 0)
        {
            return;
        }
        var prefix = entry.Key[..folded];
        rest = FoldedScans.Behind(rest, prefix, request.Reverse) ?? new(prefix, prefix);
        foreach (var stream in streams)
        {
            stream.SkipFolded(prefix);
        }
    }

    /// <summary>Goes on from the key on which the replicas differed, now that it is known what it is.</summary>
    private void Decide(StampedEntry newest)
    {
        doubted = null;
        if (StampedCodec.ToStored(newest).IsLive(nowMs))
        {
            Take(newest, newest.Value.Length);
            return;
        }
        foreach (var stream in streams)
        {
            stream.Rewind(newest.Key);
        }
    }

    private int Order(ReadOnlyMemory<byte> left, ReadOnlyMemory<byte> right) =>
        request.Reverse ? right.Span.SequenceCompareTo(left.Span) : left.Span.SequenceCompareTo(right.Span);

    private ListedEntry Listed(StampedEntry entry, int valueBytes) =>
        new()
        {
            Key = entry.Key,
            Entry = new()
            {
                Kind = OutcomeKind.Ok,
                Version = entry.Version,
                Value = request.KeysOnly || folding.FoldedBytes(entry.Key.Span) > 0 ? default : entry.Value,
                ValueBytes = valueBytes,
                ContentType = entry.ContentType,
                ModifiedMs = entry.ModifiedMs,
                ExpiresMs = entry.ExpiresMs,
            },
        };
}
