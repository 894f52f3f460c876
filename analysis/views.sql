-- The views of docs/analysis.md, for any of the engines: run engine/<engine>.sql first. Made from dbt/models.

DROP VIEW IF EXISTS analysis_agents;
DROP VIEW IF EXISTS analysis_pages;
DROP VIEW IF EXISTS analysis_playbooks;
DROP VIEW IF EXISTS analysis_response_by_day;
DROP VIEW IF EXISTS analysis_volume_by_day;
DROP VIEW IF EXISTS analysis_first_response;
DROP VIEW IF EXISTS analysis_conversations;
DROP VIEW IF EXISTS analysis_messages;

-- Each message with the role that the metrics know it by. What was deleted keeps its place in the clocks and leaves the counts.
CREATE VIEW analysis_messages AS
SELECT org_id, conversation_id, message_id, created_at, author_id,
    CASE
        WHEN kind IN ('private_note', 'private_prompt', 'suggestion') THEN 'note'
        WHEN kind = 'edit' THEN 'edit'
        WHEN kind <> 'chat' THEN 'other'
        WHEN author_kind = 'contact' THEN 'visitor'
        WHEN author_kind = 'user' AND author_bot THEN 'bot'
        WHEN author_kind = 'user' THEN 'agent'
        ELSE 'other'
    END AS role,
    CASE WHEN EXISTS (
        SELECT 1 FROM messages AS edits
        WHERE edits.org_id = messages.org_id AND edits.conversation_id = messages.conversation_id AND edits.live
            AND edits.kind = 'edit' AND edits.edit_type = 'delete' AND edits.edited_message_id = messages.message_id
    ) THEN 1 ELSE 0 END AS is_deleted
FROM messages AS messages
WHERE live;

-- Each conversation with its counts. It belongs to the day of the first visitor message; without one it is an impression, of the day it
-- was made on.
CREATE VIEW analysis_conversations AS
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
    FROM analysis_messages
    GROUP BY org_id, conversation_id
),
first_page AS (
    SELECT org_id, conversation_id, page,
        ROW_NUMBER() OVER (PARTITION BY org_id, conversation_id ORDER BY created_at, message_id) AS place
    FROM analysis_message_pages
    WHERE created_at IS NOT NULL
)
SELECT conversations.org_id, conversations.conversation_id, conversations.status, conversations.related_playbook_id AS playbook_id,
    first_page.page, counted.t0,
    COALESCE(counted.t0, conversations.created_at) - COALESCE(counted.t0, conversations.created_at) % 86400000 AS day_start,
    COALESCE(counted.engaged, 0) AS engaged, COALESCE(counted.has_agent, 0) AS has_agent,
    COALESCE(counted.visitor_messages, 0) AS visitor_messages, COALESCE(counted.bot_messages, 0) AS bot_messages,
    COALESCE(counted.agent_messages, 0) AS agent_messages, COALESCE(counted.notes, 0) AS notes,
    COALESCE(counted.edits, 0) AS edits
FROM conversations AS conversations
LEFT JOIN counted
    ON counted.org_id = conversations.org_id AND counted.conversation_id = conversations.conversation_id
LEFT JOIN first_page
    ON first_page.org_id = conversations.org_id AND first_page.conversation_id = conversations.conversation_id
    AND first_page.place = 1;

-- How long the visitor of each engaged conversation waited for the first agent message, in milliseconds.
--   direct:   no bot spoke in between: from the first visitor message.
--   inferred: a bot did: from the first visitor message after the bot's last one, or from that one. A lower bound.
-- Without an answer the wait is null, and the reason tells whether a bot was there. When a chat was routed to a person is not in history.
CREATE VIEW analysis_first_response AS
WITH placed AS (
    SELECT org_id, conversation_id, role, author_id, created_at,
        ROW_NUMBER() OVER (PARTITION BY org_id, conversation_id ORDER BY created_at, message_id) AS place
    FROM analysis_messages
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
    AND waiting.place = waited.waited_place;

-- Conversations by day (UTC) and by the status they have today.
CREATE VIEW analysis_volume_by_day AS
SELECT conversations.org_id, days.day, conversations.status, COUNT(*) AS conversations,
    COUNT(CASE WHEN conversations.engaged = 1 THEN 1 END) AS engaged,
    COUNT(CASE WHEN conversations.engaged = 0 THEN 1 END) AS impressions,
    COUNT(CASE WHEN conversations.has_agent = 1 THEN 1 END) AS with_agent
FROM analysis_conversations AS conversations
LEFT JOIN analysis_days AS days ON days.day_start = conversations.day_start
GROUP BY conversations.org_id, days.day, conversations.status;

-- The first human response by day (UTC): the median first, then the mean, the number of answers, and who had none.
CREATE VIEW analysis_response_by_day AS
WITH ranked AS (
    SELECT responses.org_id, days.day, responses.first_response_human_ms AS wait_ms, responses.reason,
        ROW_NUMBER() OVER (
            PARTITION BY responses.org_id, days.day, CASE WHEN responses.first_response_human_ms IS NULL THEN 1 ELSE 0 END
            ORDER BY responses.first_response_human_ms
        ) AS place,
        COUNT(responses.first_response_human_ms) OVER (PARTITION BY responses.org_id, days.day) AS answered
    FROM analysis_first_response AS responses
    JOIN analysis_days AS days ON days.day_start = responses.t0 - responses.t0 % 86400000
)
SELECT org_id, day,
    CAST(AVG(CASE WHEN place * 2 IN (answered, answered + 1, answered + 2) THEN wait_ms END) AS DOUBLE PRECISION) AS median_ms,
    CAST(AVG(wait_ms) AS DOUBLE PRECISION) AS mean_ms,
    COUNT(wait_ms) AS answered,
    COUNT(CASE WHEN reason = 'bot_only' THEN 1 END) AS bot_only,
    COUNT(CASE WHEN reason = 'no_agent' THEN 1 END) AS no_agent
FROM ranked
GROUP BY org_id, day;

-- Conversations by the playbook that began them; those without one have no id.
CREATE VIEW analysis_playbooks AS
SELECT conversations.org_id, conversations.playbook_id, MAX(playbooks.name) AS playbook, COUNT(*) AS conversations,
    COUNT(CASE WHEN conversations.engaged = 1 THEN 1 END) AS engaged,
    COUNT(CASE WHEN conversations.has_agent = 1 THEN 1 END) AS with_agent,
    COUNT(CASE WHEN booked.conversation_id IS NOT NULL THEN 1 END) AS with_meeting
FROM analysis_conversations AS conversations
LEFT JOIN playbooks AS playbooks
    ON playbooks.org_id = conversations.org_id AND playbooks.playbook_id = conversations.playbook_id
LEFT JOIN (
    SELECT DISTINCT org_id, conversation_id FROM meetings WHERE status = 'ACTIVE'
) AS booked
    ON booked.org_id = conversations.org_id AND booked.conversation_id = conversations.conversation_id
GROUP BY conversations.org_id, conversations.playbook_id;

-- Conversations by the page they began on: host and path, without query and fragment. Those of an unknown page have none.
CREATE VIEW analysis_pages AS
SELECT org_id, page, COUNT(*) AS conversations,
    COUNT(CASE WHEN engaged = 1 THEN 1 END) AS engaged,
    COUNT(CASE WHEN has_agent = 1 THEN 1 END) AS with_agent
FROM analysis_conversations
GROUP BY org_id, page;

-- What each agent has had: an agent has a conversation if they wrote in it, so the counts add up to more than the total. Below five
-- conversations a comparison says little.
CREATE VIEW analysis_agents AS
WITH ranked AS (
    SELECT org_id, agent_id, first_response_human_ms AS wait_ms,
        ROW_NUMBER() OVER (PARTITION BY org_id, agent_id ORDER BY first_response_human_ms) AS place,
        COUNT(*) OVER (PARTITION BY org_id, agent_id) AS answered
    FROM analysis_first_response
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
    FROM analysis_messages
    WHERE role = 'agent'
    GROUP BY org_id, author_id
)
SELECT wrote.org_id, wrote.agent_id, MAX(users.name) AS agent, MAX(wrote.conversations) AS conversations,
    MAX(wrote.messages) AS messages, COALESCE(MAX(responses.first_responses), 0) AS first_responses,
    MAX(responses.median_first_response_ms) AS median_first_response_ms
FROM wrote
LEFT JOIN responses ON responses.org_id = wrote.org_id AND responses.agent_id = wrote.agent_id
LEFT JOIN users AS users ON users.org_id = wrote.org_id AND users.user_id = wrote.agent_id
GROUP BY wrote.org_id, wrote.agent_id;
