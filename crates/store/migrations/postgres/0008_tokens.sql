-- Renewals: who is trading a connection's refresh token for the next pair, and which one.

CREATE TABLE renewals (
    connection_id TEXT NOT NULL,
    -- Grows with every attempt.
    attempt BIGINT NOT NULL,
    -- Who has the right to renew, and until when; it is free once that has passed.
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL,
    -- The version of the pair whose refresh token is being spent, and since when; NULL once its successor is kept.
    spending BIGINT,
    spending_since BIGINT,
    -- How often it was sent, or may have been, without an answer that was kept.
    unanswered BIGINT NOT NULL,
    -- Attempts that have failed in a row, and until when nobody asks again.
    failures BIGINT NOT NULL,
    retry_at BIGINT NOT NULL,
    -- The version whose refresh token was refused for good.
    refused BIGINT,
    renewed_at BIGINT,
    PRIMARY KEY (connection_id)
);

-- Who made the connection: a kind of actor and its id, never a name.
ALTER TABLE connections ADD COLUMN installed_by TEXT;
-- What the token may do as it was last told, and when.
ALTER TABLE connections ADD COLUMN scopes_seen TEXT;
ALTER TABLE connections ADD COLUMN scopes_seen_at BIGINT;
