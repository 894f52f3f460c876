-- Connections that somebody gave up, and how far that has come. No personal data.
CREATE TABLE disconnects (
    connection_id TEXT NOT NULL,
    org_id BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    erase BOOLEAN NOT NULL,
    outcome TEXT,
    attempts BIGINT NOT NULL,
    tried_at BIGINT,
    ended_at BIGINT,
    erased_at BIGINT,
    PRIMARY KEY (connection_id)
);
