-- Who did what: entries that are only ever added, each hashed with the one before it. Ids and closed words, no secret and
-- nothing personal. The hash covers every column of its row.
CREATE TABLE audit_log (
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    org_id INTEGER,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    role TEXT,
    origin TEXT,
    action TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    amount INTEGER,
    hash BLOB NOT NULL,
    PRIMARY KEY (seq)
) STRICT;
CREATE INDEX audit_log_by_org ON audit_log (org_id, seq);
CREATE INDEX audit_log_by_time ON audit_log (at, seq);

-- The last entry's number and hash: one row, held from an entry's append to its commit.
CREATE TABLE audit_head (
    id INTEGER NOT NULL CHECK (id = 1),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, x'0000000000000000000000000000000000000000000000000000000000000000');

-- The keys that sign checkpoints; the private half is sealed by the vault.
CREATE TABLE audit_keys (
    key_id TEXT NOT NULL,
    public_key BLOB NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (key_id)
) STRICT, WITHOUT ROWID;

-- Signed statements of how far the log had come.
CREATE TABLE audit_checkpoints (
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    key_id TEXT NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (number)
) STRICT;

-- An insert that replaces would delete without asking the trigger below: a number is taken once.
CREATE TRIGGER audit_log_once BEFORE INSERT ON audit_log WHEN EXISTS (SELECT 1 FROM audit_log WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_checkpoints_once BEFORE INSERT ON audit_checkpoints
WHEN EXISTS (SELECT 1 FROM audit_checkpoints WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints
BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints
BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
