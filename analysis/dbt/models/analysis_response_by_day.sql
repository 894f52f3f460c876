-- The first human response by day (UTC): the median first, then the mean, the number of answers, and who had none.
WITH ranked AS (
    SELECT responses.org_id, days.day, responses.first_response_human_ms AS wait_ms, responses.reason,
        ROW_NUMBER() OVER (
            PARTITION BY responses.org_id, days.day, CASE WHEN responses.first_response_human_ms IS NULL THEN 1 ELSE 0 END
            ORDER BY responses.first_response_human_ms
        ) AS place,
        COUNT(responses.first_response_human_ms) OVER (PARTITION BY responses.org_id, days.day) AS answered
    FROM {{ ref('analysis_first_response') }} AS responses
    JOIN {{ ref('analysis_days') }} AS days ON days.day_start = responses.t0 - responses.t0 % 86400000
)
SELECT org_id, day,
    CAST(AVG(CASE WHEN place * 2 IN (answered, answered + 1, answered + 2) THEN wait_ms END) AS DOUBLE PRECISION) AS median_ms,
    CAST(AVG(wait_ms) AS DOUBLE PRECISION) AS mean_ms,
    COUNT(wait_ms) AS answered,
    COUNT(CASE WHEN reason = 'bot_only' THEN 1 END) AS bot_only,
    COUNT(CASE WHEN reason = 'no_agent' THEN 1 END) AS no_agent
FROM ranked
GROUP BY org_id, day
