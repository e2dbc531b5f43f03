using System.Globalization;

namespace Exapyte.Hosting.Clustering;

/// <summary>The membership of a node that is alone: it begins empty with the process and ends with it.</summary>
/// <remarks>Thread-safe. Writes compare the version of the table as the shared tables do.</remarks>
internal sealed class SingleNodeMembershipTable : MembershipTable
{
    private readonly Lock gate = new();
    private readonly Dictionary<SiloAddress, MembershipEntry> members = [];
    private int version;

    public override Task InitializeMembershipTableAsync(
        bool tryInitTableVersion,
        CancellationToken cancellationToken = default
    ) => Task.CompletedTask;

    public override Task<MembershipTableData> ReadAllAsync(CancellationToken cancellationToken = default) =>
        Task.FromResult(Snapshot(_ => true));

    public override Task<MembershipTableData> ReadRowAsync(
        SiloAddress key,
        CancellationToken cancellationToken = default
    ) => Task.FromResult(Snapshot(key.Equals));

    public override Task<bool> InsertRowAsync(
        MembershipEntry entry,
        TableVersion tableVersion,
        CancellationToken cancellationToken = default
    )
    {
        lock (gate)
        {
            bool isNext = tableVersion.Version == version + 1 && !members.ContainsKey(entry.SiloAddress);
            return Task.FromResult(isNext && Put(entry));
        }
    }

    public override Task<bool> UpdateRowAsync(
        MembershipEntry entry,
        string etag,
        TableVersion tableVersion,
        CancellationToken cancellationToken = default
    )
    {
        lock (gate)
        {
            bool isNext = tableVersion.Version == version + 1 && members.ContainsKey(entry.SiloAddress);
            return Task.FromResult(isNext && Put(entry));
        }
    }

    public override Task UpdateIAmAliveAsync(MembershipEntry entry, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            if (members.TryGetValue(entry.SiloAddress, out MembershipEntry? member))
                member.IAmAliveTime = entry.IAmAliveTime;
        }
        return Task.CompletedTask;
    }

    public override Task CleanupDefunctSiloEntriesAsync(
        DateTimeOffset beforeDate,
        CancellationToken cancellationToken = default
    )
    {
        lock (gate)
        {
            foreach ((SiloAddress address, MembershipEntry member) in members)
            {
                if (member.Status != SiloStatus.Active && member.IAmAliveTime < beforeDate.UtcDateTime)
                    members.Remove(address);
            }
        }
        return Task.CompletedTask;
    }

    public override Task DeleteMembershipTableEntriesAsync(
        string clusterId,
        CancellationToken cancellationToken = default
    )
    {
        lock (gate)
            members.Clear();
        return Task.CompletedTask;
    }

    private bool Put(MembershipEntry entry)
    {
        members[entry.SiloAddress] = Copy(entry);
        version++;
        return true;
    }

    private MembershipTableData Snapshot(Func<SiloAddress, bool> isWanted)
    {
        lock (gate)
        {
            string etag = version.ToString(CultureInfo.InvariantCulture);
            List<Tuple<MembershipEntry, string>> rows =
            [
                .. members.Values.Where(m => isWanted(m.SiloAddress)).Select(m => Tuple.Create(Copy(m), etag)),
            ];
            return new MembershipTableData(rows, new TableVersion(version, etag));
        }
    }

    /// <summary>Rows are handed out as copies: the runtime edits the entries that it reads.</summary>
    private static MembershipEntry Copy(MembershipEntry entry) =>
        new()
        {
            SiloAddress = entry.SiloAddress,
            SiloName = entry.SiloName,
            HostName = entry.HostName,
            RoleName = entry.RoleName,
            Status = entry.Status,
            ProxyPort = entry.ProxyPort,
            SuspectTimes = entry.SuspectTimes is null ? null : [.. entry.SuspectTimes],
            StartTime = entry.StartTime,
            IAmAliveTime = entry.IAmAliveTime,
        };
}
