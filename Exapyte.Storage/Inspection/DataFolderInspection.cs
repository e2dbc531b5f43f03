using Exapyte.Storage.Log;

namespace Exapyte.Storage.Inspection;

/// <summary>What a data folder holds and what in it does not verify.</summary>
/// <param name="NodeId">The node that owns it; null where that cannot be read.</param>
/// <param name="StoreId">The folder's random id.</param>
/// <param name="Segments">The log's segments, oldest first.</param>
/// <param name="Groups">The replicas that the log describes.</param>
/// <param name="Documents">How many documents verify.</param>
/// <param name="Damage">Everything that does not verify although it once was durable; empty where the folder is whole.</param>
/// <param name="Tail">A batch that a crash cut short, which is no damage: it was never acknowledged.</param>
public sealed record DataFolderInspection(
    string? NodeId,
    ulong? StoreId,
    IReadOnlyList<InspectedSegment> Segments,
    IReadOnlyList<InspectedGroup> Groups,
    int Documents,
    IReadOnlyList<InspectedDamage> Damage,
    TornTail? Tail
);

/// <summary>One segment of the log.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Bytes">How far it is written.</param>
/// <param name="Batches">Whole batches in it.</param>
/// <param name="LiveEntries">Entries that a replica still needs.</param>
/// <param name="LiveBytes">Their bytes.</param>
public sealed record InspectedSegment(uint Number, long Bytes, long Batches, long LiveEntries, long LiveBytes);

/// <summary>One replica.</summary>
/// <param name="Log">What the log says of it.</param>
/// <param name="AppliedIndex">Up to where the store holds its entries durably; null where the store cannot be read.</param>
/// <param name="Rows">Rows of its entries in the store.</param>
public sealed record InspectedGroup(RecoveredGroup Log, ulong? AppliedIndex, long Rows);

/// <summary>Something that does not verify.</summary>
/// <param name="File">The file, relative to the data folder where it is in it.</param>
/// <param name="Offset">Where in the file, in bytes, as far as is known.</param>
/// <param name="Reason">One line for a human.</param>
public sealed record InspectedDamage(string File, long? Offset, string Reason);
