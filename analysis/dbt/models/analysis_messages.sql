-- Each message with the role that the metrics know it by. What was deleted keeps its place in the clocks and leaves the counts.
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
        SELECT 1 FROM {{ source('longshore', 'messages') }} AS edits
        WHERE edits.org_id = messages.org_id AND edits.conversation_id = messages.conversation_id AND edits.live
            AND edits.kind = 'edit' AND edits.edit_type = 'delete' AND edits.edited_message_id = messages.message_id
    ) THEN 1 ELSE 0 END AS is_deleted
FROM {{ source('longshore', 'messages') }} AS messages
WHERE live
