-- What keeps the mirror fresh: received events, jobs, schedules, sweeps, consumers of the change feed.

-- Received events. event_id is ours and sorts by arrival; the rest is what the event says of itself.
CREATE TABLE events (
    event_id TEXT NOT NULL,
    org_id INTEGER NOT NULL,
    connection_id TEXT,
    kind TEXT NOT NULL,
    spelled TEXT NOT NULL,
    conversation_id INTEGER,
    contact_id INTEGER,
    user_id INTEGER,
    message_id INTEGER,
    playbook_id INTEGER,
    occurred_at INTEGER,
    received_at INTEGER NOT NULL,
    key BLOB NOT NULL,
    facts TEXT,
    payload_form TEXT NOT NULL,
    payload BLOB,
    trace TEXT,
    routed_at INTEGER,
    outcome TEXT,
    PRIMARY KEY (event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_unrouted ON events (event_id) WHERE routed_at IS NULL;
CREATE INDEX events_by_conversation ON events (org_id, conversation_id, event_id) WHERE routed_at IS NOT NULL;
CREATE INDEX events_unconnected ON events (org_id, event_id) WHERE outcome = 'unconnected';
-- By which a second delivery of the same event is known, until the key ends. Keys of dated events begin with their
-- time, so that those that arrive together lie together.
CREATE TABLE event_keys (
    org_id INTEGER NOT NULL,
    key BLOB NOT NULL,
    event_id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_keys_ends ON event_keys (ends_at);

-- What only an event told: a phone number given, a goal met, a button clicked.
CREATE TABLE facts (
    org_id INTEGER NOT NULL,
    fact_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    conversation_id INTEGER,
    contact_id INTEGER,
    user_id INTEGER,
    playbook_id INTEGER,
    occurred_at INTEGER,
    received_at INTEGER NOT NULL,
    phone TEXT,
    detail TEXT NOT NULL,
    PRIMARY KEY (org_id, fact_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX facts_by_conversation ON facts (org_id, conversation_id);

-- The queue. Signals for a key fold into its waiting job; one job of a key runs at a time.
CREATE TABLE jobs (
    job_id TEXT NOT NULL,
    org_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL,
    payload TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    enqueued_at INTEGER NOT NULL,
    signalled_at INTEGER NOT NULL,
    signals INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    worker_id TEXT,
    lease_number INTEGER NOT NULL,
    claimed_at INTEGER,
    error_class TEXT,
    error TEXT,
    trace TEXT,
    PRIMARY KEY (job_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX jobs_waiting ON jobs (org_id, kind, key) WHERE state = 'waiting';
CREATE UNIQUE INDEX jobs_running ON jobs (org_id, kind, key) WHERE state = 'running';
-- A lane is a priority, an organization and a kind: a claim steps from lane to lane and takes the head of each.
CREATE INDEX jobs_due ON jobs (priority, org_id, kind, due_at) WHERE state = 'waiting';
CREATE INDEX jobs_dead ON jobs (org_id, job_id) WHERE state = 'dead';
-- Each execution of a job, for whoever asks what happened.
CREATE TABLE job_runs (
    job_id TEXT NOT NULL,
    lease_number INTEGER NOT NULL,
    org_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    worker_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    signals INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT,
    trace TEXT,
    PRIMARY KEY (job_id, lease_number)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_runs_by_key ON job_runs (org_id, kind, key);
CREATE TABLE workers (
    worker_id TEXT NOT NULL,
    host TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    PRIMARY KEY (worker_id)
) STRICT, WITHOUT ROWID;
-- Work that waits on purpose. org_id 0: every organization; kind '': every kind.
CREATE TABLE pauses (
    org_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER,
    PRIMARY KEY (org_id, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE schedules (
    org_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    cron TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    next_at INTEGER NOT NULL,
    last_at INTEGER,
    PRIMARY KEY (org_id, kind)
) STRICT, WITHOUT ROWID;

-- What each sweep or comparison found.
CREATE TABLE sweeps (
    sweep_id TEXT NOT NULL,
    org_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    listed INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    differing INTEGER NOT NULL,
    missed INTEGER NOT NULL,
    outcome TEXT,
    PRIMARY KEY (sweep_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sweeps_by_org ON sweeps (org_id, sweep_id);
-- What a person should know: one row a subject, gone once it no longer holds.
CREATE TABLE notices (
    org_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    message TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (org_id, kind, subject)
) STRICT, WITHOUT ROWID;
-- Calls by hour and outcome: how the API fares.
CREATE TABLE call_stats (
    org_id INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (org_id, hour, outcome)
) STRICT, WITHOUT ROWID;

-- Readers of the change feed, and how far each has read. A reader that writes a file notes the length it had then.
CREATE TABLE consumers (
    org_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    cursor_seq INTEGER NOT NULL,
    file_bytes INTEGER,
    created_at INTEGER NOT NULL,
    read_at INTEGER,
    PRIMARY KEY (org_id, name)
) STRICT, WITHOUT ROWID;
-- What was done, or is owed, outside: one row a consumer and key. Effects of one lane are done in their order: the
-- conversation's number, or a contact's with a minus before it.
CREATE TABLE effects (
    org_id INTEGER NOT NULL,
    consumer TEXT NOT NULL,
    key TEXT NOT NULL,
    seq INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    conversation_id INTEGER,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    outside_id TEXT,
    first_at INTEGER,
    last_at INTEGER,
    error TEXT,
    trace TEXT,
    PRIMARY KEY (org_id, consumer, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX effects_owed ON effects (org_id, consumer, lane, seq) WHERE state = 'owed';
CREATE INDEX effects_by_seq ON effects (org_id, consumer, seq);
CREATE INDEX effects_by_conversation ON effects (org_id, conversation_id, seq);
-- Where outgoing webhooks go, and how that fares. Its secrets lie in the vault's table under its own id; it reads the
-- feed as the consumer of that name.
CREATE TABLE endpoints (
    org_id INTEGER NOT NULL,
    endpoint_id TEXT NOT NULL,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    failing_since INTEGER,
    retry_at INTEGER,
    disabled_at INTEGER,
    error TEXT,
    PRIMARY KEY (org_id, endpoint_id)
) STRICT, WITHOUT ROWID;

-- An organization's budget, drawn from by all nodes: the ledger is the SDK's, its version guards against lost updates.
CREATE TABLE budgets (
    org_id INTEGER NOT NULL,
    lane TEXT NOT NULL,
    version INTEGER NOT NULL,
    ledger TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, lane)
) STRICT, WITHOUT ROWID;

ALTER TABLE changes ADD COLUMN trace TEXT;
CREATE INDEX changes_by_conversation ON changes (org_id, conversation_id, seq);
CREATE INDEX changes_by_time ON changes (org_id, at);
