-- Transcripts tell the team's members by their names: how often one of those changed, for incremental exports of transcripts.

CREATE FUNCTION user_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'user_names', -1, 1);
    RETURN NULL;
END $$;

CREATE TRIGGER users_name_insert AFTER INSERT ON users REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('user_names', '-1');
CREATE TRIGGER users_name_update AFTER UPDATE ON users FOR EACH ROW
    WHEN (OLD.name IS DISTINCT FROM NEW.name OR OLD.alias IS DISTINCT FROM NEW.alias)
    EXECUTE FUNCTION user_renamed();
CREATE TRIGGER users_name_delete AFTER DELETE ON users REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('user_names', '-1');

-- They also tell since when a conversation is gone. That Drift said so again is in no feed.
CREATE TRIGGER conversations_transcript_gone AFTER UPDATE OF gone_at ON conversations FOR EACH ROW
    WHEN (OLD.gone_at IS DISTINCT FROM NEW.gone_at) EXECUTE FUNCTION part_moved('transcripts');
