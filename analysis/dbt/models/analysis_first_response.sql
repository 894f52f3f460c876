-- How long the visitor of each engaged conversation waited for the first agent message, in milliseconds.
--   direct:   no bot spoke in between: from the first visitor message.
--   inferred: a bot did: from the first visitor message after the bot's last one, or from that one. A lower bound.
-- Without an answer the wait is null, and the reason tells whether a bot was there. When a chat was routed to a person is not in history.
WITH placed AS (
    SELECT org_id, conversation_id, role, author_id, created_at,
        ROW_NUMBER() OVER (PARTITION BY org_id, conversation_id ORDER BY created_at, message_id) AS place
    FROM {{ ref('analysis_messages') }}
    WHERE role IN ('visitor', 'bot', 'agent') AND created_at IS NOT NULL
),
opened AS (
    SELECT org_id, conversation_id, MIN(place) AS place
    FROM placed WHERE role = 'visitor' GROUP BY org_id, conversation_id
),
heard AS (
    SELECT opened.org_id, opened.conversation_id, opened.place AS opened_place,
        MIN(CASE WHEN placed.place > opened.place AND placed.role IN ('bot', 'agent') THEN placed.place END) AS any_place,
        MIN(CASE WHEN placed.place > opened.place AND placed.role = 'agent' THEN placed.place END) AS agent_place,
        MAX(CASE WHEN placed.role = 'bot' THEN 1 ELSE 0 END) AS has_bot
    FROM opened
    JOIN placed ON placed.org_id = opened.org_id AND placed.conversation_id = opened.conversation_id
    GROUP BY opened.org_id, opened.conversation_id, opened.place
),
with_bot AS (
    SELECT heard.org_id, heard.conversation_id, MAX(placed.place) AS bot_place
    FROM heard
    JOIN placed ON placed.org_id = heard.org_id AND placed.conversation_id = heard.conversation_id
    WHERE placed.role = 'bot' AND placed.place > heard.opened_place AND placed.place < heard.agent_place
    GROUP BY heard.org_id, heard.conversation_id
),
waited AS (
    SELECT heard.org_id, heard.conversation_id, MIN(placed.place) AS waited_place
    FROM heard
    JOIN with_bot ON with_bot.org_id = heard.org_id AND with_bot.conversation_id = heard.conversation_id
    JOIN placed ON placed.org_id = heard.org_id AND placed.conversation_id = heard.conversation_id
    WHERE placed.role = 'visitor' AND placed.place > with_bot.bot_place AND placed.place < heard.agent_place
    GROUP BY heard.org_id, heard.conversation_id
)
SELECT heard.org_id, heard.conversation_id, opening.created_at AS t0, answer.author_id AS agent_id,
    reaction.created_at - opening.created_at AS first_response_any_ms,
    answer.created_at - COALESCE(waiting.created_at, bot.created_at, opening.created_at) AS first_response_human_ms,
    answer.created_at - opening.created_at AS time_to_human_ms,
    CASE
        WHEN heard.agent_place IS NULL THEN NULL
        WHEN with_bot.bot_place IS NULL THEN 'direct'
        ELSE 'inferred'
    END AS basis,
    CASE
        WHEN heard.agent_place IS NOT NULL THEN NULL
        WHEN heard.has_bot = 1 THEN 'bot_only'
        ELSE 'no_agent'
    END AS reason
FROM heard
LEFT JOIN with_bot ON with_bot.org_id = heard.org_id AND with_bot.conversation_id = heard.conversation_id
LEFT JOIN waited ON waited.org_id = heard.org_id AND waited.conversation_id = heard.conversation_id
JOIN placed AS opening ON opening.org_id = heard.org_id AND opening.conversation_id = heard.conversation_id
    AND opening.place = heard.opened_place
LEFT JOIN placed AS reaction ON reaction.org_id = heard.org_id AND reaction.conversation_id = heard.conversation_id
    AND reaction.place = heard.any_place
LEFT JOIN placed AS answer ON answer.org_id = heard.org_id AND answer.conversation_id = heard.conversation_id
    AND answer.place = heard.agent_place
LEFT JOIN placed AS bot ON bot.org_id = heard.org_id AND bot.conversation_id = heard.conversation_id
    AND bot.place = with_bot.bot_place
LEFT JOIN placed AS waiting ON waiting.org_id = heard.org_id AND waiting.conversation_id = heard.conversation_id
    AND waiting.place = waited.waited_place
