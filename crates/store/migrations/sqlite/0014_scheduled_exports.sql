-- Exports that come from time to time. When they come stands in the schedules, which know several of a kind by a key.

CREATE TABLE scheduled_exports (
    org_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    destination TEXT NOT NULL,
    format TEXT NOT NULL,
    -- What is asked of each run, in the words that runs are recorded with.
    options TEXT NOT NULL,
    -- How the destination is reached: where an object store answers, which file holds a database user's password.
    endpoint TEXT,
    password_file TEXT,
    -- Conversations that began longer ago leave the destination.
    keep_months INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules_keyed (
    org_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    cron TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    next_at INTEGER NOT NULL,
    last_at INTEGER,
    key TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, kind, key)
) STRICT, WITHOUT ROWID;
INSERT INTO schedules_keyed (org_id, kind, cron, time_zone, next_at, last_at)
SELECT org_id, kind, cron, time_zone, next_at, last_at FROM schedules;
DROP TABLE schedules;
ALTER TABLE schedules_keyed RENAME TO schedules;
