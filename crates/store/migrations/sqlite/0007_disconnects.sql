-- Connections that somebody gave up, and how far that has come. No personal data.
-- until_at: until then the provider is asked to revoke. outcome: of the last try. data: keep, erase. data_outcome: erased, or
-- shared (kept, because another connection of the organization is in use); empty while it is still to come.
CREATE TABLE disconnects (
    connection_id TEXT NOT NULL,
    org_id INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    outcome TEXT,
    attempts INTEGER NOT NULL,
    tried_at INTEGER,
    ended_at INTEGER,
    data TEXT NOT NULL,
    data_outcome TEXT,
    data_at INTEGER,
    PRIMARY KEY (connection_id)
) STRICT, WITHOUT ROWID;
