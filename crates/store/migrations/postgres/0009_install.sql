-- Consents under way. The text that goes to Drift and back, and the one that the browser keeps meanwhile, are kept as hashes.
-- A consent that was answered stays for a day, so that a second answer is told from a made-up one. org_id: whose grant it became.
CREATE TABLE install_consents (
    hash BYTEA NOT NULL,
    browser BYTEA NOT NULL,
    starter_kind TEXT NOT NULL,
    starter_id TEXT NOT NULL,
    profile TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    answered_at BIGINT,
    org_id BIGINT,
    PRIMARY KEY (hash)
);
CREATE INDEX install_consents_by_starter ON install_consents (starter_kind, starter_id, ends_at);
CREATE INDEX install_consents_by_browser ON install_consents (browser);
CREATE INDEX install_consents_by_end ON install_consents (ends_at);
-- Links to connect with, for people who are no users here. org_id 0: any organization. The link's text is no column: it is signed.
CREATE TABLE share_links (
    link_id TEXT NOT NULL,
    org_id BIGINT NOT NULL,
    profile TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    uses_max BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (link_id)
);
-- What signs them: one key, sealed by the vault.
CREATE TABLE share_link_key (
    id BIGINT NOT NULL CHECK (id = 1),
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);
