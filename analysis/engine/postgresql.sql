-- What PostgreSQL says in its own words: days as text, and pages from the JSON of messages.

CREATE OR REPLACE VIEW analysis_days AS
SELECT DISTINCT instant_ms - instant_ms % 86400000 AS day_start,
    to_char(to_timestamp((instant_ms - instant_ms % 86400000) / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day
FROM (SELECT created_at AS instant_ms FROM messages UNION SELECT created_at FROM conversations) AS instants
WHERE instant_ms IS NOT NULL;

-- A document with an escaped U+0000 in it cannot be read by PostgreSQL's JSON functions.
CREATE OR REPLACE VIEW analysis_message_pages AS
SELECT org_id, conversation_id, message_id, created_at,
    regexp_replace(href, '^[A-Za-z]+://([^?#]*?)/*([?#].*)?$', '\1') AS page
FROM (
    SELECT org_id, conversation_id, message_id, created_at,
        CASE WHEN position('\u0000' IN extra) = 0 THEN CAST(extra AS JSON) -> 'context' ->> 'href' END AS href
    FROM messages
    WHERE live
) AS named
WHERE href IS NOT NULL;
