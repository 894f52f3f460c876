-- Conversations by day (UTC) and by the status they have today.
SELECT conversations.org_id, days.day, conversations.status, COUNT(*) AS conversations,
    COUNT(CASE WHEN conversations.engaged = 1 THEN 1 END) AS engaged,
    COUNT(CASE WHEN conversations.engaged = 0 THEN 1 END) AS impressions,
    COUNT(CASE WHEN conversations.has_agent = 1 THEN 1 END) AS with_agent
FROM {{ ref('analysis_conversations') }} AS conversations
LEFT JOIN {{ ref('analysis_days') }} AS days ON days.day_start = conversations.day_start
GROUP BY conversations.org_id, days.day, conversations.status
