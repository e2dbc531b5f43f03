using System.Runtime.InteropServices;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>Turns what RocksDB says into the exceptions of this house.</summary>
internal static unsafe class RocksError
{
    /// <summary>Throws when <paramref name="error"/> is set, and frees it.</summary>
    public static void ThrowIfSet(byte* error, string store)
    {
        if (error is not null)
            throw Take(error, store);
    }

    static StoreFailedException Take(byte* error, string store)
    {
        string said = Marshal.PtrToStringUTF8((nint)error) ?? "";
        RocksNative.Free(error);
        return Of(said, store);
    }

    static StoreFailedException Of(string said, string store)
    {
        if (said.StartsWith("Corruption", StringComparison.Ordinal))
            return new StoreDamagedException($"The store {store} is damaged: {said}");
        if (
            said.Contains("No space left", StringComparison.Ordinal)
            || said.Contains("Space limit reached", StringComparison.Ordinal)
        )
            return new StoreFullException($"The disk of the store {store} is full: {said}");
        if (
            said.Contains("lock hold by current process", StringComparison.Ordinal)
            || said.Contains("While lock file", StringComparison.Ordinal)
        )
            return new StoreInUseException($"The store {store} is already open, here or in another process: {said}");
        return new StoreFailedException($"The store {store} failed: {said}");
    }
}
