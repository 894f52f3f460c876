-- What SQLite says in its own words: days as text, and pages from the JSON of messages.

DROP VIEW IF EXISTS analysis_days;
CREATE VIEW analysis_days AS
SELECT DISTINCT instant_ms - instant_ms % 86400000 AS day_start, strftime('%Y-%m-%d', (instant_ms - instant_ms % 86400000) / 1000, 'unixepoch') AS day
FROM (SELECT created_at AS instant_ms FROM messages UNION SELECT created_at FROM conversations) AS instants
WHERE instant_ms IS NOT NULL;

-- From the address the scheme goes, then the fragment, then the query, then the slashes at the end.
DROP VIEW IF EXISTS analysis_message_pages;
CREATE VIEW analysis_message_pages AS
SELECT org_id, conversation_id, message_id, created_at,
    rtrim(substr(path, 1, instr(path || '?', '?') - 1), '/') AS page
FROM (
    SELECT org_id, conversation_id, message_id, created_at, substr(address, 1, instr(address || '#', '#') - 1) AS path
    FROM (
        SELECT org_id, conversation_id, message_id, created_at,
            substr(href, CASE WHEN instr(href, '://') > 0 THEN instr(href, '://') + 3 ELSE 1 END) AS address
        FROM (
            SELECT org_id, conversation_id, message_id, created_at, json_extract(extra, '$.context.href') AS href
            FROM messages
            WHERE live
        ) AS named
        WHERE href IS NOT NULL
    ) AS addressed
) AS cut;
