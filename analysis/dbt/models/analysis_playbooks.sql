-- Conversations by the playbook that began them; those without one have no id.
SELECT conversations.org_id, conversations.playbook_id, MAX(playbooks.name) AS playbook, COUNT(*) AS conversations,
    COUNT(CASE WHEN conversations.engaged = 1 THEN 1 END) AS engaged,
    COUNT(CASE WHEN conversations.has_agent = 1 THEN 1 END) AS with_agent,
    COUNT(CASE WHEN booked.conversation_id IS NOT NULL THEN 1 END) AS with_meeting
FROM {{ ref('analysis_conversations') }} AS conversations
LEFT JOIN {{ source('longshore', 'playbooks') }} AS playbooks
    ON playbooks.org_id = conversations.org_id AND playbooks.playbook_id = conversations.playbook_id
LEFT JOIN (
    SELECT DISTINCT org_id, conversation_id FROM {{ source('longshore', 'meetings') }} WHERE status = 'ACTIVE'
) AS booked
    ON booked.org_id = conversations.org_id AND booked.conversation_id = conversations.conversation_id
GROUP BY conversations.org_id, conversations.playbook_id
