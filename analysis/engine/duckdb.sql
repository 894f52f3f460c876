-- What DuckDB says in its own words: days as text, and pages from the JSON of messages.

CREATE OR REPLACE VIEW analysis_days AS
SELECT DISTINCT instant_ms - instant_ms % 86400000 AS day_start, strftime(make_timestamp((instant_ms - instant_ms % 86400000) * 1000), '%Y-%m-%d') AS day
FROM (SELECT created_at AS instant_ms FROM messages UNION SELECT created_at FROM conversations) AS instants
WHERE instant_ms IS NOT NULL;

CREATE OR REPLACE VIEW analysis_message_pages AS
SELECT org_id, conversation_id, message_id, created_at, regexp_replace(href, '^[A-Za-z]+://([^?#]*?)/*([?#].*)?$', '\1') AS page
FROM (
    SELECT org_id, conversation_id, message_id, created_at, json_extract_string(extra, '$.context.href') AS href
    FROM messages
    WHERE live
) AS named
WHERE href IS NOT NULL;
