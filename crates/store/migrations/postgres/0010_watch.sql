-- Use that is watched: what each grant was used for, who read what through our own API, and the alarms that came of it.
-- Counts by hour and ids of ours; addresses of clients, and nothing else that people are known by.

-- Calls at Drift by grant, hour and endpoint.
CREATE TABLE use_calls (
    org_id BIGINT NOT NULL,
    connection_id TEXT NOT NULL,
    hour BIGINT NOT NULL,
    endpoint TEXT NOT NULL,
    calls BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    rows_read BIGINT NOT NULL,
    PRIMARY KEY (org_id, connection_id, hour, endpoint)
);
CREATE INDEX use_calls_by_hour ON use_calls (hour);

-- Since when a grant is watched, when it was last used, and the last time it woke from a day without use or more.
CREATE TABLE use_connections (
    connection_id TEXT NOT NULL,
    org_id BIGINT NOT NULL,
    since BIGINT NOT NULL,
    last_use_at BIGINT NOT NULL,
    quiet_from BIGINT,
    woke_at BIGINT,
    PRIMARY KEY (connection_id)
);

-- Requests at our own doors by hour, caller, client and endpoint; organization 0 for what is about none.
CREATE TABLE use_requests (
    org_id BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    address TEXT NOT NULL,
    client TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    requests BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    rows_read BIGINT NOT NULL,
    PRIMARY KEY (org_id, hour, actor_kind, actor_id, address, client, endpoint)
);
CREATE INDEX use_requests_by_hour ON use_requests (hour);

-- The clients that a caller came with: its network and its kind of program.
CREATE TABLE use_clients (
    org_id BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    network TEXT NOT NULL,
    client TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    judged BOOLEAN NOT NULL,
    PRIMARY KEY (org_id, actor_kind, actor_id, network, client)
);
CREATE INDEX use_clients_unjudged ON use_clients (first_at) WHERE judged = FALSE;

-- What sort of reading a caller did in a minute: describe, count, sample, bulk.
CREATE TABLE use_steps (
    org_id BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    minute BIGINT NOT NULL,
    step TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    rows_read BIGINT NOT NULL,
    PRIMARY KEY (org_id, actor_kind, actor_id, minute, step)
);
CREATE INDEX use_steps_by_minute ON use_steps (minute);

-- Alarms, each once for its cause.
CREATE TABLE use_alarms (
    cause TEXT NOT NULL,
    org_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    amount BIGINT,
    message TEXT NOT NULL,
    PRIMARY KEY (cause)
);
CREATE INDEX use_alarms_by_time ON use_alarms (at);
