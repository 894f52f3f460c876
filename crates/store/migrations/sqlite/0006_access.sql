-- Who may use Longshore, and how they are known. Not Drift's users: those lie in the mirror.

-- The password is an argon2id hash; without one nobody signs in. totp_since is empty until the first code was right;
-- totp_step is the last time step whose code was used.
CREATE TABLE access_users (
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    password TEXT,
    totp_sealed BLOB,
    totp_version INTEGER NOT NULL,
    totp_since INTEGER,
    totp_step INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    signed_in_at INTEGER,
    PRIMARY KEY (user_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX access_users_name ON access_users (name);
-- org_id 0: every organization.
CREATE TABLE access_memberships (
    user_id TEXT NOT NULL,
    org_id INTEGER NOT NULL,
    role TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (user_id, org_id)
) STRICT, WITHOUT ROWID;
-- Signed-in browsers. The browser's text is kept as a hash; the one before it still counts for a moment.
CREATE TABLE access_sessions (
    session_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    token_hash BLOB NOT NULL,
    previous_hash BLOB,
    csrf TEXT NOT NULL,
    address TEXT,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL,
    stepped_up_at INTEGER,
    ends_at INTEGER NOT NULL,
    PRIMARY KEY (session_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX access_sessions_token ON access_sessions (token_hash);
CREATE INDEX access_sessions_previous ON access_sessions (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX access_sessions_by_user ON access_sessions (user_id);
-- Keys of the API. org_id 0: every organization. scopes: permissions divided by blanks; none: those of the role.
CREATE TABLE access_keys (
    key_id TEXT NOT NULL,
    name TEXT NOT NULL,
    hash BLOB NOT NULL,
    org_id INTEGER NOT NULL,
    role TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER,
    PRIMARY KEY (key_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX access_keys_hash ON access_keys (hash);
-- Links that work once: to make the owner, to accept an invitation, to set a forgotten password.
CREATE TABLE access_links (
    hash BLOB NOT NULL,
    kind TEXT NOT NULL,
    user_id TEXT,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    PRIMARY KEY (hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX access_links_by_user ON access_links (user_id);
-- Attempts to sign in, by hashed account and hashed address.
CREATE TABLE access_attempts (
    subject TEXT NOT NULL,
    failures INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    locked_until INTEGER,
    PRIMARY KEY (subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX access_attempts_last ON access_attempts (last_at);
