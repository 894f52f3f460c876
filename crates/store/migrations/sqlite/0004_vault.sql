-- The vault: secrets are sealed with data keys, and data keys wrapped with a wrapping key that lies elsewhere.

-- The wrapping keys that this database has known, by name: one is current, those before it are retiring or retired.
CREATE TABLE wrapping_keys (
    key_id TEXT NOT NULL,
    state TEXT NOT NULL,
    first_used_at INTEGER NOT NULL,
    retired_at INTEGER,
    PRIMARY KEY (key_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX wrapping_keys_current ON wrapping_keys (state) WHERE state = 'current';
INSERT INTO wrapping_keys (key_id, state, first_used_at) SELECT key_id, 'current', first_used_at FROM vault_keys;
DROP TABLE vault_keys;

-- One data key a connection, and one (of the owner '') for what belongs to none. A replaced one only opens.
CREATE TABLE data_keys (
    data_key_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    key_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    replaced_at INTEGER,
    PRIMARY KEY (data_key_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX data_keys_current ON data_keys (owner) WHERE replaced_at IS NULL;
CREATE INDEX data_keys_by_key ON data_keys (key_id, data_key_id);

-- NULL: sealed with the wrapping key itself, as before there were data keys.
ALTER TABLE secrets ADD COLUMN data_key_id TEXT;

-- Few or none, unless bodies are kept sealed: a change of keys finds them here.
CREATE INDEX events_sealed ON events (event_id) WHERE payload_form = 'sealed';

-- Decoys: connections that nobody has a reason to touch. What was seen and has not been told is an alarm to come.
CREATE TABLE honey_tokens (
    honey_id TEXT NOT NULL,
    org_id INTEGER NOT NULL,
    note TEXT NOT NULL,
    token_hash BLOB NOT NULL,
    planted_at INTEGER NOT NULL,
    reads INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    told INTEGER NOT NULL,
    touched_at INTEGER,
    PRIMARY KEY (honey_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX honey_tokens_by_hash ON honey_tokens (token_hash);
