namespace Exapyte.Storage.Stores;

/// <summary>A store could not do what it was asked; the derived types say why.</summary>
public class StoreFailedException : IOException
{
    /// <summary>Creates the exception with what went wrong and what the engine said.</summary>
    public StoreFailedException(string message, Exception? inner = null)
        : base(message, inner) { }
}

/// <summary>
/// What was read is not what was written: a checksum does not hold or the encoding makes no sense. The replica whose
/// data this is must be rebuilt from others.
/// </summary>
public sealed class StoreDamagedException : StoreFailedException
{
    /// <summary>Creates the exception with what is damaged and where.</summary>
    public StoreDamagedException(string message, Exception? inner = null)
        : base(message, inner) { }
}

/// <summary>
/// The store met damage in a file while it put its files in order, and writes nothing any more, for whomever. What can be
/// read still can; a start of the node copies that into a new store.
/// </summary>
public sealed class StoreBrokenException : StoreFailedException
{
    /// <summary>Creates the exception with what was met.</summary>
    public StoreBrokenException(string message, Exception? inner = null)
        : base(message, inner) { }
}

/// <summary>The disk has no space left. Reads go on; writes succeed again once there is space.</summary>
public sealed class StoreFullException : StoreFailedException
{
    /// <summary>Creates the exception with what did not fit.</summary>
    public StoreFullException(string message, Exception? inner = null)
        : base(message, inner) { }
}

/// <summary>
/// The shard was deleted, so what its store shows says nothing of what was in it. Who reads must not take that for absence.
/// </summary>
public sealed class StoreDeletedException : StoreFailedException
{
    /// <summary>Creates the exception with the shard in question.</summary>
    public StoreDeletedException(string message, Exception? inner = null)
        : base(message, inner) { }
}

/// <summary>A later version wrote the store; the message says how to go on.</summary>
public sealed class StoreFormatException : StoreFailedException
{
    /// <summary>Creates the exception with what to do.</summary>
    public StoreFormatException(string message, Exception? inner = null)
        : base(message, inner) { }
}

/// <summary>The folder of a store is open already, in this process or another one.</summary>
public sealed class StoreInUseException : StoreFailedException
{
    /// <summary>Creates the exception with the folder in question.</summary>
    public StoreInUseException(string message, Exception? inner = null)
        : base(message, inner) { }
}
