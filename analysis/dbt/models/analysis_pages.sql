-- Conversations by the page they began on: host and path, without query and fragment. Those of an unknown page have none.
SELECT org_id, page, COUNT(*) AS conversations,
    COUNT(CASE WHEN engaged = 1 THEN 1 END) AS engaged,
    COUNT(CASE WHEN has_agent = 1 THEN 1 END) AS with_agent
FROM {{ ref('analysis_conversations') }}
GROUP BY org_id, page
