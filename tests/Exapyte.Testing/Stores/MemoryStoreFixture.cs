using Exapyte.Storage.Stores;
using Microsoft.Extensions.Time.Testing;

namespace Exapyte.Testing.Stores;

/// <summary>A memory store with a clock that only the test moves.</summary>
public sealed class MemoryStoreFixture
{
    /// <summary>Makes an empty store with the given bounds.</summary>
    public MemoryStoreFixture(MemoryStoreOptions? options = null)
    {
        Store = new MemoryStore(options ?? new MemoryStoreOptions(), Time);
    }

    /// <summary>The store's clock.</summary>
    public FakeTimeProvider Time { get; } = new(DateTimeOffset.UnixEpoch.AddDays(20_000));

    /// <summary>The clock's time in Unix milliseconds.</summary>
    public long NowMs => Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The store.</summary>
    public MemoryStore Store { get; }
}
