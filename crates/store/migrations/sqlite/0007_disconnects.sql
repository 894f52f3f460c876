-- Connections that somebody gave up, and how far that has come. No personal data.
CREATE TABLE disconnects (
    connection_id TEXT NOT NULL,
    org_id INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    erase INTEGER NOT NULL,
    outcome TEXT,
    attempts INTEGER NOT NULL,
    tried_at INTEGER,
    ended_at INTEGER,
    erased_at INTEGER,
    PRIMARY KEY (connection_id)
) STRICT, WITHOUT ROWID;
