-- The mirror. Keys are Drift's own ids with the organization; instants are Unix milliseconds, UTC.
-- Every table and column is described in docs/tables.md; a test compares the two.

CREATE TABLE conversations (
    org_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    contact_id INTEGER,
    inbox_id INTEGER,
    status TEXT NOT NULL,
    created_at INTEGER,
    updated_at INTEGER,
    related_playbook_id INTEGER,
    message_count INTEGER NOT NULL,
    messages_hash BLOB,
    gone_at INTEGER,
    seen_at INTEGER NOT NULL,
    fetched_at INTEGER NOT NULL,
    details_updated_at INTEGER,
    details_fetched_at INTEGER,
    details_hash BLOB,
    messages_updated_at INTEGER,
    messages_fetched_at INTEGER,
    extra TEXT NOT NULL,
    details_extra TEXT,
    PRIMARY KEY (org_id, conversation_id DESC)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversations_by_contact ON conversations (org_id, contact_id);
CREATE INDEX conversations_by_created ON conversations (org_id, created_at);

-- Clustered by conversation, because that is how messages are written and read; descending, because Drift lists the
-- newest conversations first: what an archive writes is then added at the end.
CREATE TABLE messages (
    org_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    author_kind TEXT NOT NULL,
    author_id INTEGER,
    author_bot INTEGER NOT NULL,
    kind TEXT NOT NULL,
    created_at INTEGER,
    body TEXT,
    text TEXT,
    edited_message_id INTEGER,
    edit_type TEXT,
    live INTEGER NOT NULL,
    extra TEXT NOT NULL,
    hash BLOB NOT NULL,
    seen_updated_at INTEGER,
    seen_fetched_at INTEGER,
    seen_hash BLOB,
    PRIMARY KEY (org_id, conversation_id DESC, message_id DESC)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX messages_key ON messages (org_id, message_id DESC);

CREATE TABLE participants (
    org_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    PRIMARY KEY (org_id, conversation_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tags (
    org_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    color TEXT,
    PRIMARY KEY (org_id, conversation_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE attachments (
    org_id INTEGER NOT NULL,
    attachment_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    file_name TEXT,
    mime_type TEXT,
    url TEXT,
    live INTEGER NOT NULL,
    extra TEXT NOT NULL,
    hash BLOB NOT NULL,
    seen_updated_at INTEGER,
    seen_fetched_at INTEGER,
    seen_hash BLOB,
    PRIMARY KEY (org_id, attachment_id, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachments_by_conversation ON attachments (org_id, conversation_id);

-- The bytes lie apart, so that reading the list of attachments does not drag them along.
CREATE TABLE attachment_files (
    org_id INTEGER NOT NULL,
    attachment_id INTEGER NOT NULL,
    mime_type TEXT,
    size_bytes INTEGER,
    sha256 BLOB,
    stored_at INTEGER,
    gone_at INTEGER,
    bytes BLOB,
    PRIMARY KEY (org_id, attachment_id)
) STRICT;

CREATE TABLE contacts (
    org_id INTEGER NOT NULL,
    contact_id INTEGER NOT NULL,
    created_at INTEGER,
    email TEXT,
    name TEXT,
    phone TEXT,
    external_id TEXT,
    attributes TEXT NOT NULL,
    fetched_at INTEGER NOT NULL,
    gone_at INTEGER,
    extra TEXT NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (org_id, contact_id)
) STRICT, WITHOUT ROWID;

-- Contacts that Drift says it has not: asked for once, not again.
CREATE TABLE contacts_gone (
    org_id INTEGER NOT NULL,
    contact_id INTEGER NOT NULL,
    gone_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, contact_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    org_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    name TEXT,
    alias TEXT,
    email TEXT,
    phone TEXT,
    locale TEXT,
    availability TEXT,
    role TEXT,
    time_zone TEXT,
    avatar_url TEXT,
    verified INTEGER,
    bot INTEGER,
    created_at INTEGER,
    updated_at INTEGER,
    gone_at INTEGER,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE teams (
    org_id INTEGER NOT NULL,
    team_id INTEGER NOT NULL,
    name TEXT,
    owner_id INTEGER,
    members TEXT NOT NULL,
    status TEXT,
    main INTEGER,
    updated_at INTEGER,
    gone_at INTEGER,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, team_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    org_id INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    owner_id INTEGER,
    name TEXT,
    domain TEXT,
    deleted INTEGER,
    targeted INTEGER,
    created_at INTEGER,
    updated_at INTEGER,
    gone_at INTEGER,
    custom_properties TEXT NOT NULL,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE playbooks (
    org_id INTEGER NOT NULL,
    playbook_id INTEGER NOT NULL,
    name TEXT,
    report_type TEXT,
    interaction_id INTEGER,
    created_at INTEGER,
    updated_at INTEGER,
    created_author_id INTEGER,
    updated_author_id INTEGER,
    gone_at INTEGER,
    goals TEXT NOT NULL,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, playbook_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE landing_pages (
    org_id INTEGER NOT NULL,
    playbook_id INTEGER NOT NULL,
    url TEXT NOT NULL,
    playbook_name TEXT,
    gone_at INTEGER,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, playbook_id, url)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_attributes (
    org_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    display_name TEXT,
    kind TEXT,
    gone_at INTEGER,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE meetings (
    org_id INTEGER NOT NULL,
    meeting_id TEXT NOT NULL,
    conversation_id INTEGER,
    contact_id INTEGER,
    agent_id INTEGER,
    status TEXT,
    source TEXT,
    kind TEXT,
    event_id TEXT,
    slot_start INTEGER,
    slot_end INTEGER,
    scheduled_at INTEGER,
    updated_at INTEGER,
    time_zone TEXT,
    notes TEXT,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, meeting_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE report_values (
    org_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    metric TEXT NOT NULL,
    value REAL,
    PRIMARY KEY (org_id, conversation_id, metric)
) STRICT, WITHOUT ROWID;

CREATE TABLE export_runs (
    org_id INTEGER NOT NULL,
    export_run_id TEXT NOT NULL,
    format TEXT NOT NULL,
    destination TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    outcome TEXT,
    counts TEXT NOT NULL,
    PRIMARY KEY (org_id, export_run_id)
) STRICT, WITHOUT ROWID;

-- What apply found. seq comes from change_sequence, whose one row is held from append to commit: a reader
-- that has seen a number has seen every smaller one.
CREATE TABLE changes (
    org_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    conversation_id INTEGER,
    kind TEXT NOT NULL,
    message_id INTEGER,
    detail TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (org_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE change_sequence (
    id INTEGER NOT NULL CHECK (id = 1),
    seq INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT;
INSERT INTO change_sequence (id, seq) VALUES (1, 0);

-- Runs of archives, verifications and the like, and how far each step of them has come.
CREATE TABLE runs (
    run_id TEXT NOT NULL,
    org_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    outcome TEXT,
    certificate TEXT,
    PRIMARY KEY (run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_kind ON runs (org_id, kind, run_id);
CREATE TABLE checkpoints (
    run_id TEXT NOT NULL,
    step TEXT NOT NULL,
    token TEXT,
    done INTEGER NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (run_id, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE watermarks (
    org_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (org_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE failures (
    org_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    class TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, kind, key)
) STRICT, WITHOUT ROWID;

-- Grants, and their secrets: sealed, bound to organization, connection, kind and version.
CREATE TABLE connections (
    connection_id TEXT NOT NULL,
    org_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    scopes TEXT NOT NULL,
    api_url TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at INTEGER,
    PRIMARY KEY (connection_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX connections_by_org ON connections (org_id, created_at);
CREATE TABLE secrets (
    connection_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    saved_at INTEGER NOT NULL,
    PRIMARY KEY (connection_id, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE vault_keys (
    id INTEGER NOT NULL CHECK (id = 1),
    key_id TEXT NOT NULL,
    sealed_check BLOB NOT NULL,
    first_used_at INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
