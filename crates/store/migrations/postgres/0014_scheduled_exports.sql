-- Exports that come from time to time. When they come stands in the schedules, which know several of a kind by a key.

CREATE TABLE scheduled_exports (
    org_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    destination TEXT NOT NULL,
    format TEXT NOT NULL,
    -- What is asked of each run, in the words that runs are recorded with.
    options TEXT NOT NULL,
    -- How the destination is reached: where an object store answers, which file holds a database user's password.
    endpoint TEXT,
    password_file TEXT,
    -- Conversations that began longer ago leave the destination.
    keep_months BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, name)
);

ALTER TABLE schedules ADD COLUMN key TEXT NOT NULL DEFAULT '';
ALTER TABLE schedules DROP CONSTRAINT schedules_pkey;
ALTER TABLE schedules ADD PRIMARY KEY (org_id, kind, key);
