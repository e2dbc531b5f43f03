namespace Exapyte.Hosting.Clustering;

/// <summary>
/// A membership table in the current form of Orleans' interface; the older form, without cancellation, maps to it.
/// </summary>
internal abstract class MembershipTable : IMembershipTable
{
    public abstract Task InitializeMembershipTableAsync(
        bool tryInitTableVersion,
        CancellationToken cancellationToken = default
    );

    public abstract Task<MembershipTableData> ReadAllAsync(CancellationToken cancellationToken = default);

    public abstract Task<MembershipTableData> ReadRowAsync(
        SiloAddress key,
        CancellationToken cancellationToken = default
    );

    public abstract Task<bool> InsertRowAsync(
        MembershipEntry entry,
        TableVersion tableVersion,
        CancellationToken cancellationToken = default
    );

    public abstract Task<bool> UpdateRowAsync(
        MembershipEntry entry,
        string etag,
        TableVersion tableVersion,
        CancellationToken cancellationToken = default
    );

    public abstract Task UpdateIAmAliveAsync(MembershipEntry entry, CancellationToken cancellationToken = default);

    public abstract Task CleanupDefunctSiloEntriesAsync(
        DateTimeOffset beforeDate,
        CancellationToken cancellationToken = default
    );

    public abstract Task DeleteMembershipTableEntriesAsync(
        string clusterId,
        CancellationToken cancellationToken = default
    );

    Task IMembershipTable.InitializeMembershipTable(bool tryInitTableVersion) =>
        InitializeMembershipTableAsync(tryInitTableVersion, CancellationToken.None);

    Task<MembershipTableData> IMembershipTable.ReadAll() => ReadAllAsync(CancellationToken.None);

    Task<MembershipTableData> IMembershipTable.ReadRow(SiloAddress key) => ReadRowAsync(key, CancellationToken.None);

    Task<bool> IMembershipTable.InsertRow(MembershipEntry entry, TableVersion tableVersion) =>
        InsertRowAsync(entry, tableVersion, CancellationToken.None);

    Task<bool> IMembershipTable.UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) =>
        UpdateRowAsync(entry, etag, tableVersion, CancellationToken.None);

    Task IMembershipTable.UpdateIAmAlive(MembershipEntry entry) => UpdateIAmAliveAsync(entry, CancellationToken.None);

    Task IMembershipTable.CleanupDefunctSiloEntries(DateTimeOffset beforeDate) =>
        CleanupDefunctSiloEntriesAsync(beforeDate, CancellationToken.None);

    Task IMembershipTable.DeleteMembershipTableEntries(string clusterId) =>
        DeleteMembershipTableEntriesAsync(clusterId, CancellationToken.None);
}
