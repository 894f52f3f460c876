-- Exports that stop and go on, and what each of them left at its destination.

ALTER TABLE export_runs ADD COLUMN mode TEXT NOT NULL DEFAULT 'full';
ALTER TABLE export_runs ADD COLUMN state TEXT NOT NULL DEFAULT 'running';
-- The number of the last change when the run began.
ALTER TABLE export_runs ADD COLUMN changes_upto INTEGER;
ALTER TABLE export_runs ADD COLUMN bytes INTEGER;
-- What was asked for, so that it can be gone on with; without it a run is not.
ALTER TABLE export_runs ADD COLUMN options TEXT;
-- How far it has come, and what somebody asked of it meanwhile: pause or cancel.
ALTER TABLE export_runs ADD COLUMN checkpoint TEXT;
ALTER TABLE export_runs ADD COLUMN asked TEXT;
-- What it left, with the proof, and what was signed of it.
ALTER TABLE export_runs ADD COLUMN manifest TEXT;
ALTER TABLE export_runs ADD COLUMN signature BLOB;
UPDATE export_runs SET state = CASE WHEN outcome = 'success' THEN 'succeeded' ELSE 'failed' END;

-- Parts that are whole at their destination: a table, or a month of it.
CREATE TABLE export_parts (
    org_id INTEGER NOT NULL,
    export_run_id TEXT NOT NULL,
    table_name TEXT NOT NULL,
    period TEXT NOT NULL,
    file TEXT NOT NULL,
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    -- A hash of the rows themselves, the same in every format and in the mirror.
    digest TEXT NOT NULL,
    -- The number of the last change before the part was read.
    changes_upto INTEGER NOT NULL,
    committed_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, export_run_id, table_name, period)
) STRICT, WITHOUT ROWID;
