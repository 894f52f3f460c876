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
