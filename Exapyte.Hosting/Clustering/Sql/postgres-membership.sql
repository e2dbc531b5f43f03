-- Membership of the nodes, for PostgreSQL. The table OrleansQuery and the names of keys, parameters and result columns
-- are Orleans' contract; tables and statements are ours. Every statement that changes a member also raises the version
-- of the table by one, and only if the caller had read the version before it. Each is a single statement, so it is
-- atomic; a second writer waits for the row of the version, looks at it again and then finds another version.

CREATE TABLE IF NOT EXISTS OrleansQuery
(
    QueryKey text NOT NULL PRIMARY KEY,
    QueryText text NOT NULL
);

CREATE TABLE IF NOT EXISTS ExapyteMembershipVersion
(
    DeploymentId text NOT NULL PRIMARY KEY,
    Version integer NOT NULL
);

CREATE TABLE IF NOT EXISTS ExapyteMember
(
    DeploymentId text NOT NULL REFERENCES ExapyteMembershipVersion (DeploymentId),
    Address text NOT NULL,
    Port integer NOT NULL,
    Generation integer NOT NULL,
    SiloName text NOT NULL,
    HostName text NOT NULL,
    Status integer NOT NULL,
    ProxyPort integer NOT NULL,
    SuspectTimes text NULL,
    StartTime timestamptz NOT NULL,
    IAmAliveTime timestamptz NOT NULL,
    PRIMARY KEY (DeploymentId, Address, Port, Generation)
);

INSERT INTO OrleansQuery (QueryKey, QueryText)
VALUES
    ('InsertMembershipVersionKey', '
        WITH created AS
        (
            INSERT INTO ExapyteMembershipVersion (DeploymentId, Version) VALUES (@DeploymentId, 0)
            ON CONFLICT (DeploymentId) DO NOTHING
            RETURNING 1
        )
        SELECT count(*)::integer AS Created FROM created;
    '),
    ('InsertMembershipKey', '
        WITH raised AS
        (
            UPDATE ExapyteMembershipVersion SET Version = Version + 1
            WHERE DeploymentId = @DeploymentId AND Version = @Version AND NOT EXISTS
            (
                SELECT 1 FROM ExapyteMember
                WHERE DeploymentId = @DeploymentId AND Address = @Address AND Port = @Port
                    AND Generation = @Generation
            )
            RETURNING 1
        ),
        inserted AS
        (
            INSERT INTO ExapyteMember
                (DeploymentId, Address, Port, Generation, SiloName, HostName, Status, ProxyPort, StartTime,
                IAmAliveTime)
            SELECT
                @DeploymentId, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime,
                @IAmAliveTime
            FROM raised
            RETURNING 1
        )
        SELECT count(*)::integer AS Inserted FROM inserted;
    '),
    ('UpdateMembershipKey', '
        WITH raised AS
        (
            UPDATE ExapyteMembershipVersion SET Version = Version + 1
            WHERE DeploymentId = @DeploymentId AND Version = @Version AND EXISTS
            (
                SELECT 1 FROM ExapyteMember
                WHERE DeploymentId = @DeploymentId AND Address = @Address AND Port = @Port
                    AND Generation = @Generation
            )
            RETURNING 1
        ),
        updated AS
        (
            UPDATE ExapyteMember
            SET Status = @Status, SuspectTimes = @SuspectTimes, IAmAliveTime = @IAmAliveTime
            FROM raised
            WHERE DeploymentId = @DeploymentId AND Address = @Address AND Port = @Port AND Generation = @Generation
            RETURNING 1
        )
        SELECT count(*)::integer AS Updated FROM updated;
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
    -- Two statements, one implicit transaction: the driver sends them as one batch.
    ('DeleteMembershipTableEntriesKey', '
        DELETE FROM ExapyteMember WHERE DeploymentId = @DeploymentId;
        DELETE FROM ExapyteMembershipVersion WHERE DeploymentId = @DeploymentId;
    ')
ON CONFLICT (QueryKey) DO UPDATE SET QueryText = excluded.QueryText;
