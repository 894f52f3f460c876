-- The mirror. Keys are Drift's own ids with the organization; instants are Unix milliseconds, UTC.
-- Every table and column is described in docs/tables.md; a test compares the two.

CREATE TABLE conversations (
    org_id BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    contact_id BIGINT,
    inbox_id BIGINT,
    status TEXT NOT NULL,
    created_at BIGINT,
    updated_at BIGINT,
    related_playbook_id BIGINT,
    message_count BIGINT NOT NULL,
    messages_hash BYTEA,
    gone_at BIGINT,
    seen_at BIGINT NOT NULL,
    fetched_at BIGINT NOT NULL,
    details_updated_at BIGINT,
    details_fetched_at BIGINT,
    details_hash BYTEA,
    messages_updated_at BIGINT,
    messages_fetched_at BIGINT,
    extra TEXT NOT NULL,
    details_extra TEXT,
    PRIMARY KEY (org_id, conversation_id)
);
CREATE INDEX conversations_by_contact ON conversations (org_id, contact_id);
CREATE INDEX conversations_by_created ON conversations (org_id, created_at);

CREATE TABLE messages (
    org_id BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    author_kind TEXT NOT NULL,
    author_id BIGINT,
    author_bot BOOLEAN NOT NULL,
    kind TEXT NOT NULL,
    created_at BIGINT,
    body TEXT,
    text TEXT,
    edited_message_id BIGINT,
    edit_type TEXT,
    live BOOLEAN NOT NULL,
    extra TEXT NOT NULL,
    hash BYTEA NOT NULL,
    seen_updated_at BIGINT,
    seen_fetched_at BIGINT,
    seen_hash BYTEA,
    PRIMARY KEY (org_id, message_id)
);
CREATE INDEX messages_by_conversation ON messages (org_id, conversation_id, message_id);

CREATE TABLE participants (
    org_id BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    PRIMARY KEY (org_id, conversation_id, user_id)
);

CREATE TABLE tags (
    org_id BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    color TEXT,
    PRIMARY KEY (org_id, conversation_id, name)
);

CREATE TABLE attachments (
    org_id BIGINT NOT NULL,
    attachment_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    file_name TEXT,
    mime_type TEXT,
    url TEXT,
    live BOOLEAN NOT NULL,
    extra TEXT NOT NULL,
    hash BYTEA NOT NULL,
    seen_updated_at BIGINT,
    seen_fetched_at BIGINT,
    seen_hash BYTEA,
    PRIMARY KEY (org_id, attachment_id, message_id)
);
CREATE INDEX attachments_by_conversation ON attachments (org_id, conversation_id);

-- The bytes lie apart, so that reading the list of attachments does not drag them along.
CREATE TABLE attachment_files (
    org_id BIGINT NOT NULL,
    attachment_id BIGINT NOT NULL,
    mime_type TEXT,
    size_bytes BIGINT,
    sha256 BYTEA,
    stored_at BIGINT,
    gone_at BIGINT,
    bytes BYTEA,
    PRIMARY KEY (org_id, attachment_id)
);

CREATE TABLE contacts (
    org_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    created_at BIGINT,
    email TEXT,
    name TEXT,
    phone TEXT,
    external_id TEXT,
    attributes TEXT NOT NULL,
    fetched_at BIGINT NOT NULL,
    gone_at BIGINT,
    extra TEXT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (org_id, contact_id)
);

-- Contacts that Drift says it has not: asked for once, not again.
CREATE TABLE contacts_gone (
    org_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    gone_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, contact_id)
);

CREATE TABLE users (
    org_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    name TEXT,
    alias TEXT,
    email TEXT,
    phone TEXT,
    locale TEXT,
    availability TEXT,
    role TEXT,
    time_zone TEXT,
    avatar_url TEXT,
    verified BOOLEAN,
    bot BOOLEAN,
    created_at BIGINT,
    updated_at BIGINT,
    gone_at BIGINT,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, user_id)
);

CREATE TABLE teams (
    org_id BIGINT NOT NULL,
    team_id BIGINT NOT NULL,
    name TEXT,
    owner_id BIGINT,
    members TEXT NOT NULL,
    status TEXT,
    main BOOLEAN,
    updated_at BIGINT,
    gone_at BIGINT,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, team_id)
);

CREATE TABLE accounts (
    org_id BIGINT NOT NULL,
    account_id TEXT NOT NULL,
    owner_id BIGINT,
    name TEXT,
    domain TEXT,
    deleted BOOLEAN,
    targeted BOOLEAN,
    created_at BIGINT,
    updated_at BIGINT,
    gone_at BIGINT,
    custom_properties TEXT NOT NULL,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, account_id)
);

CREATE TABLE playbooks (
    org_id BIGINT NOT NULL,
    playbook_id BIGINT NOT NULL,
    name TEXT,
    report_type TEXT,
    interaction_id BIGINT,
    created_at BIGINT,
    updated_at BIGINT,
    created_author_id BIGINT,
    updated_author_id BIGINT,
    gone_at BIGINT,
    goals TEXT NOT NULL,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, playbook_id)
);

CREATE TABLE landing_pages (
    org_id BIGINT NOT NULL,
    playbook_id BIGINT NOT NULL,
    url TEXT NOT NULL,
    playbook_name TEXT,
    gone_at BIGINT,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, playbook_id, url)
);

CREATE TABLE contact_attributes (
    org_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    display_name TEXT,
    kind TEXT,
    gone_at BIGINT,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, name)
);

CREATE TABLE meetings (
    org_id BIGINT NOT NULL,
    meeting_id TEXT NOT NULL,
    conversation_id BIGINT,
    contact_id BIGINT,
    agent_id BIGINT,
    status TEXT,
    source TEXT,
    kind TEXT,
    event_id TEXT,
    slot_start BIGINT,
    slot_end BIGINT,
    scheduled_at BIGINT,
    updated_at BIGINT,
    time_zone TEXT,
    notes TEXT,
    extra TEXT NOT NULL,
    PRIMARY KEY (org_id, meeting_id)
);

CREATE TABLE report_values (
    org_id BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    metric TEXT NOT NULL,
    value DOUBLE PRECISION,
    PRIMARY KEY (org_id, conversation_id, metric)
);

CREATE TABLE export_runs (
    org_id BIGINT NOT NULL,
    export_run_id TEXT NOT NULL,
    format TEXT NOT NULL,
    destination TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    outcome TEXT,
    counts TEXT NOT NULL,
    PRIMARY KEY (org_id, export_run_id)
);

-- What apply found. seq comes from change_sequence, whose one row is held from append to commit: a reader
-- that has seen a number has seen every smaller one.
CREATE TABLE changes (
    org_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    conversation_id BIGINT,
    kind TEXT NOT NULL,
    message_id BIGINT,
    detail TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq)
);
CREATE TABLE change_sequence (
    id BIGINT NOT NULL CHECK (id = 1),
    seq BIGINT NOT NULL,
    PRIMARY KEY (id)
);
INSERT INTO change_sequence (id, seq) VALUES (1, 0);

-- Runs of archives, verifications and the like, and how far each step of them has come.
CREATE TABLE runs (
    run_id TEXT NOT NULL,
    org_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    outcome TEXT,
    certificate TEXT,
    PRIMARY KEY (run_id)
);
CREATE INDEX runs_by_kind ON runs (org_id, kind, run_id);
CREATE TABLE checkpoints (
    run_id TEXT NOT NULL,
    step TEXT NOT NULL,
    token TEXT,
    done BOOLEAN NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (run_id, step)
);
CREATE TABLE watermarks (
    org_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org_id, name)
);
CREATE TABLE failures (
    org_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    class TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, kind, key)
);

-- Grants, and their secrets: sealed, bound to organization, connection, kind and version.
CREATE TABLE connections (
    connection_id TEXT NOT NULL,
    org_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    scopes TEXT NOT NULL,
    api_url TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT,
    PRIMARY KEY (connection_id)
);
CREATE INDEX connections_by_org ON connections (org_id, created_at);
CREATE TABLE secrets (
    connection_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    saved_at BIGINT NOT NULL,
    PRIMARY KEY (connection_id, kind)
);
CREATE TABLE vault_keys (
    id BIGINT NOT NULL CHECK (id = 1),
    key_id TEXT NOT NULL,
    sealed_check BYTEA NOT NULL,
    first_used_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);
