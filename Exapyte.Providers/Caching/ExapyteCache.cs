using System.Buffers;
using Exapyte.Client;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Options;

namespace Exapyte.Providers.Caching;

/// <summary>
/// A distributed cache over a raft keyspace: what one process has set or removed, every other one sees at once. Reading an
/// entry with a sliding span writes its new end, unless another process has changed it meanwhile. Thread-safe.
/// </summary>
internal sealed class ExapyteCache(IExapyteClient client, IOptions<ExapyteCacheOptions> options, TimeProvider time)
    : IBufferDistributedCache
{
    private readonly EnsuredKeyspace keyspace = new(client, options.Value.Keyspace, options.Value.Settings);

    public byte[]? Get(string key) => Wait(GetAsync(key));

    public async Task<byte[]?> GetAsync(string key, CancellationToken token = default) =>
        (await ReadAsync(key, token).ConfigureAwait(false))?.ToArray();

    public bool TryGet(string key, IBufferWriter<byte> destination) => Wait(TryGetAsync(key, destination).AsTask());

    public async ValueTask<bool> TryGetAsync(
        string key,
        IBufferWriter<byte> destination,
        CancellationToken token = default
    )
    {
        ArgumentNullException.ThrowIfNull(destination);
        if (await ReadAsync(key, token).ConfigureAwait(false) is not { } value)
        {
            return false;
        }
        destination.Write(value.Span);
        return true;
    }

    public void Set(string key, byte[] value, DistributedCacheEntryOptions options) =>
        SetAsync(key, value, options).GetAwaiter().GetResult();

    public Task SetAsync(
        string key,
        byte[] value,
        DistributedCacheEntryOptions options,
        CancellationToken token = default
    )
    {
        ArgumentNullException.ThrowIfNull(value);
        return WriteAsync(key, new(value), options, token);
    }

    public void Set(string key, ReadOnlySequence<byte> value, DistributedCacheEntryOptions options) =>
        WriteAsync(key, value, options, CancellationToken.None).GetAwaiter().GetResult();

    public ValueTask SetAsync(
        string key,
        ReadOnlySequence<byte> value,
        DistributedCacheEntryOptions options,
        CancellationToken token = default
    ) => new(WriteAsync(key, value, options, token));

    public void Refresh(string key) => RefreshAsync(key).GetAwaiter().GetResult();

    public Task RefreshAsync(string key, CancellationToken token = default) => ReadAsync(key, token);

    public void Remove(string key) => RemoveAsync(key).GetAwaiter().GetResult();

    public async Task RemoveAsync(string key, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        var entries = await keyspace.GetAsync().WaitAsync(token).ConfigureAwait(false);
        await entries.DeleteAsync(key, cancellationToken: token).ConfigureAwait(false);
    }

    private async Task<ReadOnlyMemory<byte>?> ReadAsync(string key, CancellationToken token)
    {
        ArgumentNullException.ThrowIfNull(key);
        var entries = await keyspace.GetAsync().WaitAsync(token).ConfigureAwait(false);
        var entry = await entries.GetBytesAsync(key, cancellationToken: token).ConfigureAwait(false);
        if (entry is null || CachedValue.ValueOf(entry.Value) is not { } value)
        {
            return null;
        }
        if (CachedValue.EndOnceRead(entry.Value.Span, time.GetUtcNow()) is { } endMs)
        {
            // Only over what was read: an entry that was set or removed since keeps what that said.
            var put = new PutOptions
            {
                IfVersion = entry.Version,
                Expires = DateTimeOffset.FromUnixTimeMilliseconds(endMs),
            };
            var result = await entries.TryPutBytesAsync(key, entry.Value, put, token).ConfigureAwait(false);
            if (result.Status != EntryStatus.PreconditionFailed)
            {
                result.ResultOrThrow();
            }
        }
        return value;
    }

    private async Task WriteAsync(
        string key,
        ReadOnlySequence<byte> value,
        DistributedCacheEntryOptions options,
        CancellationToken token
    )
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(options);
        // Before anything is waited for: the sequence is the caller's again once this has returned.
        var (stored, endMs) = CachedValue.Pack(value, options, time.GetUtcNow());
        var entries = await keyspace.GetAsync().WaitAsync(token).ConfigureAwait(false);
        var put =
            endMs == 0
                ? new PutOptions { NeverExpires = true }
                : new PutOptions { Expires = DateTimeOffset.FromUnixTimeMilliseconds(endMs) };
        await entries.PutBytesAsync(key, stored, put, token).ConfigureAwait(false);
    }

    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();
}
