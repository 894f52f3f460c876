-- The page on which a message was written: host and path, without query, fragment and slashes at the end.
SELECT org_id, conversation_id, message_id, created_at, {{ page_of('href') }} AS page
FROM (
    SELECT org_id, conversation_id, message_id, created_at, {{ href_of('extra') }} AS href
    FROM {{ source('longshore', 'messages') }}
    WHERE live
) AS named
WHERE href IS NOT NULL
