-- Consents under way. The text that goes to Drift and back, and the one that the browser keeps meanwhile, are kept as hashes.
-- A consent that was answered stays for a day, so that a second answer is told from a made-up one. org_id: whose grant it became.
CREATE TABLE install_consents (
    hash BLOB NOT NULL,
    browser BLOB NOT NULL,
    starter_kind TEXT NOT NULL,
    starter_id TEXT NOT NULL,
    profile TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    answered_at INTEGER,
    org_id INTEGER,
    PRIMARY KEY (hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX install_consents_by_starter ON install_consents (starter_kind, starter_id, ends_at);
CREATE INDEX install_consents_by_browser ON install_consents (browser);
CREATE INDEX install_consents_by_end ON install_consents (ends_at);
-- Links to connect with, for people who are no users here. org_id 0: any organization. The link's text is no column: it is signed.
CREATE TABLE share_links (
    link_id TEXT NOT NULL,
    org_id INTEGER NOT NULL,
    profile TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    uses_max INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER,
    PRIMARY KEY (link_id)
) STRICT, WITHOUT ROWID;
-- What signs them: one key, sealed by the vault.
CREATE TABLE share_link_key (
    id INTEGER NOT NULL CHECK (id = 1),
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
