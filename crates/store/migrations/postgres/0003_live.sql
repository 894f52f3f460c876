-- What keeps the mirror fresh: received events, jobs, schedules, sweeps, consumers of the change feed.

-- Received events. event_id is ours and sorts by arrival; the rest is what the event says of itself.
CREATE TABLE events (
    event_id TEXT NOT NULL,
    org_id BIGINT NOT NULL,
    connection_id TEXT,
    kind TEXT NOT NULL,
    spelled TEXT NOT NULL,
    conversation_id BIGINT,
    contact_id BIGINT,
    user_id BIGINT,
    message_id BIGINT,
    playbook_id BIGINT,
    occurred_at BIGINT,
    received_at BIGINT NOT NULL,
    key BYTEA NOT NULL,
    facts TEXT,
    payload_form TEXT NOT NULL,
    payload BYTEA,
    trace TEXT,
    routed_at BIGINT,
    outcome TEXT,
    PRIMARY KEY (event_id)
);
CREATE INDEX events_unrouted ON events (event_id) WHERE routed_at IS NULL;
CREATE INDEX events_by_conversation ON events (org_id, conversation_id, event_id) WHERE routed_at IS NOT NULL;
CREATE INDEX events_unconnected ON events (org_id, event_id) WHERE outcome = 'unconnected';
-- By which a second delivery of the same event is known, until the key ends. Keys of dated events begin with their
-- time, so that those that arrive together lie together.
CREATE TABLE event_keys (
    org_id BIGINT NOT NULL,
    key BYTEA NOT NULL,
    event_id TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, key)
);
CREATE INDEX event_keys_ends ON event_keys (ends_at);

-- What only an event told: a phone number given, a goal met, a button clicked.
CREATE TABLE facts (
    org_id BIGINT NOT NULL,
    fact_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    conversation_id BIGINT,
    contact_id BIGINT,
    user_id BIGINT,
    playbook_id BIGINT,
    occurred_at BIGINT,
    received_at BIGINT NOT NULL,
    phone TEXT,
    detail TEXT NOT NULL,
    PRIMARY KEY (org_id, fact_id)
);
CREATE INDEX facts_by_conversation ON facts (org_id, conversation_id);

-- The queue. Signals for a key fold into its waiting job; one job of a key runs at a time.
CREATE TABLE jobs (
    job_id TEXT NOT NULL,
    org_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    priority BIGINT NOT NULL,
    state TEXT NOT NULL,
    payload TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    enqueued_at BIGINT NOT NULL,
    signalled_at BIGINT NOT NULL,
    signals BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    worker_id TEXT,
    lease_number BIGINT NOT NULL,
    claimed_at BIGINT,
    error_class TEXT,
    error TEXT,
    trace TEXT,
    PRIMARY KEY (job_id)
);
CREATE UNIQUE INDEX jobs_waiting ON jobs (org_id, kind, key) WHERE state = 'waiting';
CREATE UNIQUE INDEX jobs_running ON jobs (org_id, kind, key) WHERE state = 'running';
-- A lane is a priority, an organization and a kind: a claim steps from lane to lane and takes the head of each.
CREATE INDEX jobs_due ON jobs (priority, org_id, kind, due_at) WHERE state = 'waiting';
CREATE INDEX jobs_dead ON jobs (org_id, job_id) WHERE state = 'dead';
-- Each execution of a job, for whoever asks what happened.
CREATE TABLE job_runs (
    job_id TEXT NOT NULL,
    lease_number BIGINT NOT NULL,
    org_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    worker_id TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    signals BIGINT NOT NULL,
    claimed_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT,
    trace TEXT,
    PRIMARY KEY (job_id, lease_number)
);
CREATE INDEX job_runs_by_key ON job_runs (org_id, kind, key);
CREATE TABLE workers (
    worker_id TEXT NOT NULL,
    host TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    PRIMARY KEY (worker_id)
);
-- Work that waits on purpose. org_id 0: every organization; kind '': every kind.
CREATE TABLE pauses (
    org_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT,
    PRIMARY KEY (org_id, kind)
);
CREATE TABLE schedules (
    org_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    cron TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    next_at BIGINT NOT NULL,
    last_at BIGINT,
    PRIMARY KEY (org_id, kind)
);

-- What each sweep or comparison found.
CREATE TABLE sweeps (
    sweep_id TEXT NOT NULL,
    org_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    listed BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    differing BIGINT NOT NULL,
    missed BIGINT NOT NULL,
    outcome TEXT,
    PRIMARY KEY (sweep_id)
);
CREATE INDEX sweeps_by_org ON sweeps (org_id, sweep_id);
-- What a person should know: one row a subject, gone once it no longer holds.
CREATE TABLE notices (
    org_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    message TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (org_id, kind, subject)
);
-- Calls by hour and outcome: how the API fares.
CREATE TABLE call_stats (
    org_id BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    calls BIGINT NOT NULL,
    PRIMARY KEY (org_id, hour, outcome)
);

-- Readers of the change feed, and how far each has read. A reader that writes a file notes the length it had then.
CREATE TABLE consumers (
    org_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    cursor_seq BIGINT NOT NULL,
    file_bytes BIGINT,
    created_at BIGINT NOT NULL,
    read_at BIGINT,
    PRIMARY KEY (org_id, name)
);
-- What was done, or is owed, outside: one row a consumer and key. Effects of one lane are done in their order: the
-- conversation's number, or a contact's with a minus before it.
CREATE TABLE effects (
    org_id BIGINT NOT NULL,
    consumer TEXT NOT NULL,
    key TEXT NOT NULL,
    seq BIGINT NOT NULL,
    lane BIGINT NOT NULL,
    conversation_id BIGINT,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    outside_id TEXT,
    first_at BIGINT,
    last_at BIGINT,
    error TEXT,
    trace TEXT,
    PRIMARY KEY (org_id, consumer, key)
);
CREATE INDEX effects_owed ON effects (org_id, consumer, lane, seq) WHERE state = 'owed';
CREATE INDEX effects_by_seq ON effects (org_id, consumer, seq);
CREATE INDEX effects_by_conversation ON effects (org_id, conversation_id, seq);
-- Where outgoing webhooks go, and how that fares. Its secrets lie in the vault's table under its own id; it reads the
-- feed as the consumer of that name.
CREATE TABLE endpoints (
    org_id BIGINT NOT NULL,
    endpoint_id TEXT NOT NULL,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    failing_since BIGINT,
    retry_at BIGINT,
    disabled_at BIGINT,
    error TEXT,
    PRIMARY KEY (org_id, endpoint_id)
);

-- An organization's budget, drawn from by all nodes: the ledger is the SDK's, its version guards against lost updates.
CREATE TABLE budgets (
    org_id BIGINT NOT NULL,
    lane TEXT NOT NULL,
    version BIGINT NOT NULL,
    ledger TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, lane)
);

ALTER TABLE changes ADD COLUMN trace TEXT;
CREATE INDEX changes_by_conversation ON changes (org_id, conversation_id, seq);
CREATE INDEX changes_by_time ON changes (org_id, at);
