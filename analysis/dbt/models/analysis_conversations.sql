-- Each conversation with its counts. It belongs to the day of the first visitor message; without one it is an impression, of the day it
-- was made on.
WITH counted AS (
    SELECT org_id, conversation_id,
        MIN(CASE WHEN role = 'visitor' THEN created_at END) AS t0,
        COUNT(CASE WHEN role = 'visitor' AND is_deleted = 0 THEN 1 END) AS visitor_messages,
        COUNT(CASE WHEN role = 'bot' AND is_deleted = 0 THEN 1 END) AS bot_messages,
        COUNT(CASE WHEN role = 'agent' AND is_deleted = 0 THEN 1 END) AS agent_messages,
        COUNT(CASE WHEN role = 'note' AND is_deleted = 0 THEN 1 END) AS notes,
        COUNT(CASE WHEN role = 'edit' THEN 1 END) AS edits,
        MAX(CASE WHEN role = 'visitor' THEN 1 ELSE 0 END) AS engaged,
        MAX(CASE WHEN role = 'agent' THEN 1 ELSE 0 END) AS has_agent
    FROM {{ ref('analysis_messages') }}
    GROUP BY org_id, conversation_id
),
first_page AS (
    SELECT org_id, conversation_id, page,
        ROW_NUMBER() OVER (PARTITION BY org_id, conversation_id ORDER BY created_at, message_id) AS place
    FROM {{ ref('analysis_message_pages') }}
    WHERE created_at IS NOT NULL
)
SELECT conversations.org_id, conversations.conversation_id, conversations.status, conversations.related_playbook_id AS playbook_id,
    first_page.page, counted.t0,
    COALESCE(counted.t0, conversations.created_at) - COALESCE(counted.t0, conversations.created_at) % 86400000 AS day_start,
    COALESCE(counted.engaged, 0) AS engaged, COALESCE(counted.has_agent, 0) AS has_agent,
    COALESCE(counted.visitor_messages, 0) AS visitor_messages, COALESCE(counted.bot_messages, 0) AS bot_messages,
    COALESCE(counted.agent_messages, 0) AS agent_messages, COALESCE(counted.notes, 0) AS notes,
    COALESCE(counted.edits, 0) AS edits
FROM {{ source('longshore', 'conversations') }} AS conversations
LEFT JOIN counted
    ON counted.org_id = conversations.org_id AND counted.conversation_id = conversations.conversation_id
LEFT JOIN first_page
    ON first_page.org_id = conversations.org_id AND first_page.conversation_id = conversations.conversation_id
    AND first_page.place = 1
