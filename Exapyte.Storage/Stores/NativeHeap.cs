using System.Runtime.InteropServices;

namespace Exapyte.Storage.Stores;

/// <summary>How the process's native allocator behaves, which RocksDB takes its memory from.</summary>
public static partial class NativeHeap
{
    const int ArenaMax = -8;
    const int Arenas = 2;

    /// <summary>
    /// Bounds the allocator's arenas. By default glibc makes one for almost every thread, up to eight a core, and each keeps
    /// what was freed in it: a node whose million entries were overwritten took 1,061 to 1,081 MB, with the bound 814 to 974,
    /// as fast as before; and 704 with <c>MALLOC_ARENA_MAX=2</c> in the environment, which holds for the runtime's own threads
    /// too. It is the whole process's setting, so it is the host's to make, before threads are started; the environment wins. Does nothing where the C library is another one.
    /// </summary>
    /// <returns>Whether the bound is set now.</returns>
    public static bool LimitArenas()
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable("MALLOC_ARENA_MAX") is not null)
            return false;
        try
        {
            return SetMallocOption(ArenaMax, Arenas) == 1;
        }
        catch (EntryPointNotFoundException)
        {
            // musl has one heap and no such call.
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetMallocOption(int option, int value);
}
