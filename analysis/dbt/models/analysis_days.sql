-- Every day (UTC) on which something was made, as its first millisecond and as a date.
SELECT DISTINCT instant_ms - instant_ms % 86400000 AS day_start, {{ day_of('instant_ms') }} AS day
FROM (
    SELECT created_at AS instant_ms FROM {{ source('longshore', 'messages') }}
    UNION
    SELECT created_at FROM {{ source('longshore', 'conversations') }}
) AS instants
WHERE instant_ms IS NOT NULL
