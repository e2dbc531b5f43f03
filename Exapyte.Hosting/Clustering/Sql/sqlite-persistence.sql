-- State of grains, for SQLite. The table OrleansQuery and the names of keys, parameters and result columns are Orleans'
-- contract; the table of states and the statements are ours. The version is the ETag: a write names the version that it
-- read (none for a first write), and answers with the new one; no row at all tells Orleans that another writer came
-- first. Each write is one statement, hence atomic by itself.

CREATE TABLE IF NOT EXISTS OrleansQuery
(
    QueryKey TEXT NOT NULL PRIMARY KEY,
    QueryText TEXT NOT NULL
);

-- The hashes only narrow the search; the names behind them decide. An absent key extension is the empty text, since
-- two NULLs would be two different keys.
CREATE TABLE IF NOT EXISTS ExapyteGrainState
(
    GrainIdHash INTEGER NOT NULL,
    GrainTypeHash INTEGER NOT NULL,
    GrainIdN0 INTEGER NOT NULL,
    GrainIdN1 INTEGER NOT NULL,
    GrainTypeString TEXT NOT NULL,
    GrainIdExtensionString TEXT NOT NULL,
    ServiceId TEXT NOT NULL,
    PayloadBinary BLOB NULL,
    ModifiedOn TEXT NOT NULL,
    Version INTEGER NOT NULL,
    PRIMARY KEY
        (GrainIdHash, GrainTypeHash, GrainIdN0, GrainIdN1, GrainTypeString, GrainIdExtensionString, ServiceId)
);

INSERT INTO OrleansQuery (QueryKey, QueryText)
VALUES
    ('WriteToStorageKey', '
        INSERT INTO ExapyteGrainState
            (GrainIdHash, GrainTypeHash, GrainIdN0, GrainIdN1, GrainTypeString, GrainIdExtensionString, ServiceId,
            PayloadBinary, ModifiedOn, Version)
        SELECT
            @GrainIdHash, @GrainTypeHash, @GrainIdN0, @GrainIdN1, @GrainTypeString,
            COALESCE(@GrainIdExtensionString, ''''), @ServiceId, @PayloadBinary, datetime(''now''),
            COALESCE(@GrainStateVersion, abs(random() % 1000000000)) + 1
        WHERE @GrainStateVersion IS NULL OR EXISTS
        (
            SELECT 1 FROM ExapyteGrainState
            WHERE GrainIdHash = @GrainIdHash AND GrainTypeHash = @GrainTypeHash
                AND GrainIdN0 = @GrainIdN0 AND GrainIdN1 = @GrainIdN1 AND GrainTypeString = @GrainTypeString
                AND GrainIdExtensionString = COALESCE(@GrainIdExtensionString, '''') AND ServiceId = @ServiceId
                AND Version = @GrainStateVersion
        )
        ON CONFLICT
            (GrainIdHash, GrainTypeHash, GrainIdN0, GrainIdN1, GrainTypeString, GrainIdExtensionString, ServiceId)
        DO UPDATE SET
            PayloadBinary = excluded.PayloadBinary, ModifiedOn = excluded.ModifiedOn, Version = excluded.Version
        WHERE ExapyteGrainState.Version = @GrainStateVersion
        RETURNING Version AS NewGrainStateVersion;
    '),
    ('ReadFromStorageKey', '
        SELECT PayloadBinary, Version FROM ExapyteGrainState
        WHERE GrainIdHash = @GrainIdHash AND GrainTypeHash = @GrainTypeHash
            AND GrainIdN0 = @GrainIdN0 AND GrainIdN1 = @GrainIdN1 AND GrainTypeString = @GrainTypeString
            AND GrainIdExtensionString = COALESCE(@GrainIdExtensionString, '''') AND ServiceId = @ServiceId;
    '),
    -- Versions of a row begin at random: a writer that has read an earlier row of the same key is refused by a later one.
    ('ClearStorageKey', '
        DELETE FROM ExapyteGrainState
        WHERE GrainIdHash = @GrainIdHash AND GrainTypeHash = @GrainTypeHash
            AND GrainIdN0 = @GrainIdN0 AND GrainIdN1 = @GrainIdN1 AND GrainTypeString = @GrainTypeString
            AND GrainIdExtensionString = COALESCE(@GrainIdExtensionString, '''') AND ServiceId = @ServiceId
            AND Version = @GrainStateVersion
        RETURNING Version + 1 AS NewGrainStateVersion;
    ')
ON CONFLICT (QueryKey) DO UPDATE SET QueryText = excluded.QueryText;
