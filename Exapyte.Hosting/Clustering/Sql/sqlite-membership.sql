-- Membership of the nodes, for SQLite. The table OrleansQuery and the names of keys, parameters and result columns are
-- Orleans' contract; tables and statements are ours. Every statement that changes a member also raises the version of
-- the table by one, and only if the caller had read the version before it: that compare-and-set is what keeps two
-- nodes from acting on different views. BEGIN IMMEDIATE takes the write lock before anything is compared.

CREATE TABLE IF NOT EXISTS OrleansQuery
(
    QueryKey TEXT NOT NULL PRIMARY KEY,
    QueryText TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS ExapyteMembershipVersion
(
    DeploymentId TEXT NOT NULL PRIMARY KEY,
    Version INTEGER NOT NULL
);

-- Times are UTC text of the form yyyy-MM-dd HH:mm:ss.fffffff, which compares as time does.
CREATE TABLE IF NOT EXISTS ExapyteMember
(
    DeploymentId TEXT NOT NULL REFERENCES ExapyteMembershipVersion (DeploymentId),
    Address TEXT NOT NULL,
    Port INTEGER NOT NULL,
    Generation INTEGER NOT NULL,
    SiloName TEXT NOT NULL,
    HostName TEXT NOT NULL,
    Status INTEGER NOT NULL,
    ProxyPort INTEGER NOT NULL,
    SuspectTimes TEXT NULL,
    StartTime TEXT NOT NULL,
    IAmAliveTime TEXT NOT NULL,
    PRIMARY KEY (DeploymentId, Address, Port, Generation)
) WITHOUT ROWID;

INSERT INTO OrleansQuery (QueryKey, QueryText)
VALUES
    ('InsertMembershipVersionKey', '
        INSERT INTO ExapyteMembershipVersion (DeploymentId, Version) VALUES (@DeploymentId, 0)
        ON CONFLICT (DeploymentId) DO NOTHING;
        SELECT changes() AS Created;
    '),
    ('InsertMembershipKey', '
        BEGIN IMMEDIATE;
        UPDATE ExapyteMembershipVersion SET Version = Version + 1
        WHERE DeploymentId = @DeploymentId AND Version = @Version AND NOT EXISTS
        (
            SELECT 1 FROM ExapyteMember
            WHERE DeploymentId = @DeploymentId AND Address = @Address AND Port = @Port AND Generation = @Generation
        );
        INSERT INTO ExapyteMember
            (DeploymentId, Address, Port, Generation, SiloName, HostName, Status, ProxyPort, StartTime, IAmAliveTime)
        SELECT
            @DeploymentId, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime,
            @IAmAliveTime
        WHERE changes() = 1;
        SELECT changes() AS Inserted;
        COMMIT;
    '),
    ('UpdateMembershipKey', '
        BEGIN IMMEDIATE;
        UPDATE ExapyteMembershipVersion SET Version = Version + 1
        WHERE DeploymentId = @DeploymentId AND Version = @Version AND EXISTS
        (
            SELECT 1 FROM ExapyteMember
            WHERE DeploymentId = @DeploymentId AND Address = @Address AND Port = @Port AND Generation = @Generation
        );
        UPDATE ExapyteMember
        SET Status = @Status, SuspectTimes = @SuspectTimes, IAmAliveTime = @IAmAliveTime
        WHERE changes() = 1
            AND DeploymentId = @DeploymentId AND Address = @Address AND Port = @Port AND Generation = @Generation;
        SELECT changes() AS Updated;
        COMMIT;
    '),
    ('UpdateIAmAlivetimeKey', '
        UPDATE ExapyteMember SET IAmAliveTime = @IAmAliveTime
        WHERE DeploymentId = @DeploymentId AND Address = @Address AND Port = @Port AND Generation = @Generation;
    '),
    -- The outer join answers with the version even where no member matches.
    ('MembershipReadRowKey', '
        SELECT
            m.Address, m.Port, m.Generation, m.SiloName, m.HostName, m.Status, m.ProxyPort, m.SuspectTimes,
            m.StartTime, m.IAmAliveTime, v.Version
        FROM ExapyteMembershipVersion v
        LEFT JOIN ExapyteMember m ON m.DeploymentId = v.DeploymentId
            AND m.Address = @Address AND m.Port = @Port AND m.Generation = @Generation
        WHERE v.DeploymentId = @DeploymentId;
    '),
    ('MembershipReadAllKey', '
        SELECT
            m.Address, m.Port, m.Generation, m.SiloName, m.HostName, m.Status, m.ProxyPort, m.SuspectTimes,
            m.StartTime, m.IAmAliveTime, v.Version
        FROM ExapyteMembershipVersion v
        LEFT JOIN ExapyteMember m ON m.DeploymentId = v.DeploymentId
        WHERE v.DeploymentId = @DeploymentId;
    '),
    ('GatewaysQueryKey', '
        SELECT Address, ProxyPort, Generation FROM ExapyteMember
        WHERE DeploymentId = @DeploymentId AND Status = @Status AND ProxyPort > 0;
    '),
    -- 3 is SiloStatus.Active: an active member is never cleaned up, however long it has been silent.
    ('CleanupDefunctSiloEntriesKey', '
        DELETE FROM ExapyteMember
        WHERE DeploymentId = @DeploymentId AND IAmAliveTime < @IAmAliveTime AND Status <> 3;
    '),
    ('DeleteMembershipTableEntriesKey', '
        BEGIN IMMEDIATE;
        DELETE FROM ExapyteMember WHERE DeploymentId = @DeploymentId;
        DELETE FROM ExapyteMembershipVersion WHERE DeploymentId = @DeploymentId;
        COMMIT;
    ')
ON CONFLICT (QueryKey) DO UPDATE SET QueryText = excluded.QueryText;
