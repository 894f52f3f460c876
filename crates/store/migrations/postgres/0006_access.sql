-- Who may use Longshore, and how they are known. Not Drift's users: those lie in the mirror.

-- The password is an argon2id hash; without one nobody signs in. totp_since is empty until the first code was right;
-- totp_step is the last time step whose code was used.
CREATE TABLE access_users (
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    password TEXT,
    totp_sealed BYTEA,
    totp_version BIGINT NOT NULL,
    totp_since BIGINT,
    totp_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    signed_in_at BIGINT,
    PRIMARY KEY (user_id)
);
CREATE UNIQUE INDEX access_users_name ON access_users (name);
-- org_id 0: every organization.
CREATE TABLE access_memberships (
    user_id TEXT NOT NULL,
    org_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (user_id, org_id)
);
-- Signed-in browsers. The browser's text is kept as a hash; the one before it still counts for a moment.
CREATE TABLE access_sessions (
    session_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    previous_hash BYTEA,
    csrf TEXT NOT NULL,
    address TEXT,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    stepped_up_at BIGINT,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (session_id)
);
CREATE UNIQUE INDEX access_sessions_token ON access_sessions (token_hash);
CREATE INDEX access_sessions_previous ON access_sessions (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX access_sessions_by_user ON access_sessions (user_id);
-- Keys of the API. org_id 0: every organization. scopes: permissions divided by blanks; none: those of the role.
CREATE TABLE access_keys (
    key_id TEXT NOT NULL,
    name TEXT NOT NULL,
    hash BYTEA NOT NULL,
    org_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (key_id)
);
CREATE UNIQUE INDEX access_keys_hash ON access_keys (hash);
-- Links that work once: to make the owner, to accept an invitation, to set a forgotten password.
CREATE TABLE access_links (
    hash BYTEA NOT NULL,
    kind TEXT NOT NULL,
    user_id TEXT,
    created_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (hash)
);
CREATE INDEX access_links_by_user ON access_links (user_id);
-- Attempts to sign in, by hashed account and hashed address.
CREATE TABLE access_attempts (
    subject TEXT NOT NULL,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    locked_until BIGINT,
    PRIMARY KEY (subject)
);
CREATE INDEX access_attempts_last ON access_attempts (last_at);
