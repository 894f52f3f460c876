-- What the feed does not tell of the public tables: how often each part of them was written. An incremental export
-- compares the numbers, and leaves parts alone of which neither they nor the feed say that anything changed.
-- The day is counted from 0001-01-01, as months are cut; -1 for rows without an instant and for tables that are not cut.
-- Each write adds a row, so that none waits for another; the version of a part is the sum of its rows, which are folded into one
-- now and then.

CREATE TABLE part_versions (
    org_id BIGINT NOT NULL,
    table_name TEXT NOT NULL,
    day BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX part_versions_by_part ON part_versions (org_id, table_name, day);

CREATE FUNCTION part_day(at BIGINT) RETURNS BIGINT LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN at >= -62135596800000 AND at < 253402300800000
    THEN (at + 62135596800000) / 86400000 ELSE -1 END $$;
-- Of the rows that a statement wrote; the arguments say of which table, and how their day is found.
CREATE FUNCTION part_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'INSERT INTO part_versions SELECT DISTINCT org_id, %L, CAST(%s AS BIGINT), 1 FROM written',
        TG_ARGV[0], TG_ARGV[1]);
    RETURN NULL;
END $$;
-- Where a row was and where it is.
CREATE FUNCTION part_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, TG_ARGV[0], part_day(OLD.created_at), 1);
    INSERT INTO part_versions VALUES (NEW.org_id, TG_ARGV[0], part_day(NEW.created_at), 1);
    RETURN NULL;
END $$;

-- Tables whose changes are not in the feed.
CREATE TRIGGER users_part_insert AFTER INSERT ON users REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('users', '-1');
CREATE TRIGGER users_part_update AFTER UPDATE ON users REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('users', '-1');
CREATE TRIGGER users_part_delete AFTER DELETE ON users REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('users', '-1');
CREATE TRIGGER teams_part_insert AFTER INSERT ON teams REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('teams', '-1');
CREATE TRIGGER teams_part_update AFTER UPDATE ON teams REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('teams', '-1');
CREATE TRIGGER teams_part_delete AFTER DELETE ON teams REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('teams', '-1');
CREATE TRIGGER playbooks_part_insert AFTER INSERT ON playbooks REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('playbooks', '-1');
CREATE TRIGGER playbooks_part_update AFTER UPDATE ON playbooks REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('playbooks', '-1');
CREATE TRIGGER playbooks_part_delete AFTER DELETE ON playbooks REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('playbooks', '-1');
CREATE TRIGGER landing_pages_part_insert AFTER INSERT ON landing_pages REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('landing_pages', '-1');
CREATE TRIGGER landing_pages_part_update AFTER UPDATE ON landing_pages REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('landing_pages', '-1');
CREATE TRIGGER landing_pages_part_delete AFTER DELETE ON landing_pages REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('landing_pages', '-1');
CREATE TRIGGER contact_attributes_part_insert AFTER INSERT ON contact_attributes REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('contact_attributes', '-1');
CREATE TRIGGER contact_attributes_part_update AFTER UPDATE ON contact_attributes REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('contact_attributes', '-1');
CREATE TRIGGER contact_attributes_part_delete AFTER DELETE ON contact_attributes REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('contact_attributes', '-1');
CREATE TRIGGER attachment_files_part_insert AFTER INSERT ON attachment_files REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('attachment_files', '-1');
CREATE TRIGGER attachment_files_part_update AFTER UPDATE ON attachment_files REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('attachment_files', '-1');
CREATE TRIGGER attachment_files_part_delete AFTER DELETE ON attachment_files REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('attachment_files', '-1');
CREATE TRIGGER accounts_part_insert AFTER INSERT ON accounts REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('accounts', 'part_day(created_at)');
CREATE TRIGGER accounts_part_update AFTER UPDATE ON accounts REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('accounts', 'part_day(created_at)');
CREATE TRIGGER accounts_part_update_from AFTER UPDATE ON accounts REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('accounts', 'part_day(created_at)');
CREATE TRIGGER accounts_part_delete AFTER DELETE ON accounts REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('accounts', 'part_day(created_at)');
CREATE TRIGGER meetings_part_insert AFTER INSERT ON meetings REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('meetings', 'part_day(scheduled_at)');
CREATE TRIGGER meetings_part_update AFTER UPDATE ON meetings REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('meetings', 'part_day(scheduled_at)');
CREATE TRIGGER meetings_part_update_from AFTER UPDATE ON meetings REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('meetings', 'part_day(scheduled_at)');
CREATE TRIGGER meetings_part_delete AFTER DELETE ON meetings REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('meetings', 'part_day(scheduled_at)');
CREATE TRIGGER facts_part_insert AFTER INSERT ON facts REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('facts', 'part_day(received_at)');
CREATE TRIGGER facts_part_update AFTER UPDATE ON facts REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('facts', 'part_day(received_at)');
CREATE TRIGGER facts_part_update_from AFTER UPDATE ON facts REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('facts', 'part_day(received_at)');
CREATE TRIGGER facts_part_delete AFTER DELETE ON facts REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('facts', 'part_day(received_at)');
CREATE TRIGGER report_values_part_insert AFTER INSERT ON report_values REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('report_values', 'COALESCE((SELECT part_day(c.created_at) FROM conversations AS c
        WHERE c.org_id = written.org_id AND c.conversation_id = written.conversation_id), -1)');
CREATE TRIGGER report_values_part_update AFTER UPDATE ON report_values REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('report_values', 'COALESCE((SELECT part_day(c.created_at) FROM conversations AS c
        WHERE c.org_id = written.org_id AND c.conversation_id = written.conversation_id), -1)');
CREATE TRIGGER report_values_part_update_from AFTER UPDATE ON report_values REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('report_values', 'COALESCE((SELECT part_day(c.created_at) FROM conversations AS c
        WHERE c.org_id = written.org_id AND c.conversation_id = written.conversation_id), -1)');
CREATE TRIGGER report_values_part_delete AFTER DELETE ON report_values REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('report_values', 'COALESCE((SELECT part_day(c.created_at) FROM conversations AS c
        WHERE c.org_id = written.org_id AND c.conversation_id = written.conversation_id), -1)');

-- A conversation or a contact that moves from one day to another, or goes, takes all that is cut by it along:
-- `of_conversations` stands for all those tables.
CREATE TRIGGER conversations_part_moved AFTER UPDATE OF created_at ON conversations FOR EACH ROW
    WHEN (OLD.created_at IS DISTINCT FROM NEW.created_at)
    EXECUTE FUNCTION part_moved('of_conversations');
CREATE TRIGGER conversations_part_delete AFTER DELETE ON conversations REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('of_conversations', 'part_day(created_at)');
CREATE TRIGGER contacts_part_moved AFTER UPDATE OF created_at ON contacts FOR EACH ROW
    WHEN (OLD.created_at IS DISTINCT FROM NEW.created_at)
    EXECUTE FUNCTION part_moved('contacts');
CREATE TRIGGER contacts_part_delete AFTER DELETE ON contacts REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION part_written('contacts', 'part_day(created_at)');

-- That Drift said so again is in no feed.
CREATE TRIGGER conversations_part_gone AFTER UPDATE OF gone_at ON conversations FOR EACH ROW
    WHEN (OLD.gone_at IS DISTINCT FROM NEW.gone_at) EXECUTE FUNCTION part_moved('conversations');
CREATE TRIGGER contacts_part_gone AFTER UPDATE OF gone_at ON contacts FOR EACH ROW
    WHEN (OLD.gone_at IS DISTINCT FROM NEW.gone_at) EXECUTE FUNCTION part_moved('contacts');

-- Metrics without a conversation that were there before.
INSERT INTO part_versions SELECT DISTINCT r.org_id, 'report_values', -1, 1 FROM report_values AS r
    WHERE NOT EXISTS (SELECT 1 FROM conversations AS c
        WHERE c.org_id = r.org_id AND c.conversation_id = r.conversation_id);

-- What pseudonyms in exports are made with, sealed; by organization.
CREATE TABLE mask_keys (
    org_id BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id)
);
