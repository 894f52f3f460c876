-- Signing in through an identity provider (OpenID Connect).

-- Who somebody is at a provider. The subject is the provider's own id of a person: never a name, never an address.
CREATE TABLE access_identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL,
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX access_identities_by_user ON access_identities (user_id);
-- Roles that a rule about the provider's claims gave, so that the rule can take them back. org_id 0: every organization.
CREATE TABLE access_rule_roles (
    user_id TEXT NOT NULL,
    org_id BIGINT NOT NULL,
    PRIMARY KEY (user_id, org_id)
);
-- Browsers on their way to the provider and back: what the address and the browser carry is kept as hashes.
CREATE TABLE access_handovers (
    state_hash BYTEA NOT NULL,
    browser_hash BYTEA NOT NULL,
    session_id TEXT,
    next TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (state_hash)
);
CREATE INDEX access_handovers_ends ON access_handovers (ends_at);
