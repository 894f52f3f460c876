-- Transcripts tell the team's members by their names: how often one of those changed, for incremental exports of transcripts.

CREATE TRIGGER users_name_insert AFTER INSERT ON users BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'user_names', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER users_name_update AFTER UPDATE ON users
WHEN OLD.name IS NOT NEW.name OR OLD.alias IS NOT NEW.alias BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'user_names', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER users_name_delete AFTER DELETE ON users BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'user_names', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;

-- They also tell since when a conversation is gone. That Drift said so again is in no feed.
CREATE TRIGGER conversations_transcript_gone AFTER UPDATE OF gone_at ON conversations WHEN OLD.gone_at IS NOT NEW.gone_at BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'transcripts',
        CASE WHEN NEW.created_at >= -62135596800000 AND NEW.created_at < 253402300800000
        THEN (NEW.created_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
