-- What each agent has had: an agent has a conversation if they wrote in it, so the counts add up to more than the total. Below five
-- conversations a comparison says little.
WITH ranked AS (
    SELECT org_id, agent_id, first_response_human_ms AS wait_ms,
        ROW_NUMBER() OVER (PARTITION BY org_id, agent_id ORDER BY first_response_human_ms) AS place,
        COUNT(*) OVER (PARTITION BY org_id, agent_id) AS answered
    FROM {{ ref('analysis_first_response') }}
    WHERE first_response_human_ms IS NOT NULL
),
responses AS (
    SELECT org_id, agent_id, COUNT(*) AS first_responses,
        CAST(AVG(CASE WHEN place * 2 IN (answered, answered + 1, answered + 2) THEN wait_ms END) AS DOUBLE PRECISION)
            AS median_first_response_ms
    FROM ranked
    GROUP BY org_id, agent_id
),
wrote AS (
    SELECT org_id, author_id AS agent_id, COUNT(DISTINCT conversation_id) AS conversations,
        COUNT(CASE WHEN is_deleted = 0 THEN 1 END) AS messages
    FROM {{ ref('analysis_messages') }}
    WHERE role = 'agent'
    GROUP BY org_id, author_id
)
SELECT wrote.org_id, wrote.agent_id, MAX(users.name) AS agent, MAX(wrote.conversations) AS conversations,
    MAX(wrote.messages) AS messages, COALESCE(MAX(responses.first_responses), 0) AS first_responses,
    MAX(responses.median_first_response_ms) AS median_first_response_ms
FROM wrote
LEFT JOIN responses ON responses.org_id = wrote.org_id AND responses.agent_id = wrote.agent_id
LEFT JOIN {{ source('longshore', 'users') }} AS users ON users.org_id = wrote.org_id AND users.user_id = wrote.agent_id
GROUP BY wrote.org_id, wrote.agent_id
