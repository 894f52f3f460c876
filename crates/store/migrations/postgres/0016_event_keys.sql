-- A key that a second delivery is known by is held by its event itself, until key_ends_at: one row less for each event. A later
-- event takes a key that has ended over, and the one that held it has NULL from then on.
ALTER TABLE events ADD COLUMN key_ends_at BIGINT;
UPDATE events SET key_ends_at = event_keys.ends_at FROM event_keys
WHERE event_keys.org_id = events.org_id AND event_keys.key = events.key AND event_keys.event_id = events.event_id;
DROP TABLE event_keys;
CREATE UNIQUE INDEX events_by_key ON events (org_id, key) WHERE key_ends_at IS NOT NULL;
