-- What the feed does not tell of the public tables: how often each part of them was written. An incremental export
-- compares the numbers, and leaves parts alone of which neither they nor the feed say that anything changed.
-- The day is counted from 0001-01-01, as months are cut; -1 for rows without an instant and for tables that are not cut.

CREATE TABLE part_versions (
    org_id INTEGER NOT NULL,
    table_name TEXT NOT NULL,
    day INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (org_id, table_name, day)
) STRICT, WITHOUT ROWID;

-- Tables whose changes are not in the feed.
CREATE TRIGGER users_part_insert AFTER INSERT ON users BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'users', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER users_part_update AFTER UPDATE ON users BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'users', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER users_part_delete AFTER DELETE ON users BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'users', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER teams_part_insert AFTER INSERT ON teams BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'teams', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER teams_part_update AFTER UPDATE ON teams BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'teams', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER teams_part_delete AFTER DELETE ON teams BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'teams', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER playbooks_part_insert AFTER INSERT ON playbooks BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'playbooks', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER playbooks_part_update AFTER UPDATE ON playbooks BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'playbooks', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER playbooks_part_delete AFTER DELETE ON playbooks BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'playbooks', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER landing_pages_part_insert AFTER INSERT ON landing_pages BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'landing_pages', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER landing_pages_part_update AFTER UPDATE ON landing_pages BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'landing_pages', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER landing_pages_part_delete AFTER DELETE ON landing_pages BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'landing_pages', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER contact_attributes_part_insert AFTER INSERT ON contact_attributes BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'contact_attributes', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER contact_attributes_part_update AFTER UPDATE ON contact_attributes BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'contact_attributes', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER contact_attributes_part_delete AFTER DELETE ON contact_attributes BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'contact_attributes', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER attachment_files_part_insert AFTER INSERT ON attachment_files BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'attachment_files', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER attachment_files_part_update AFTER UPDATE ON attachment_files BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'attachment_files', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER attachment_files_part_delete AFTER DELETE ON attachment_files BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'attachment_files', -1, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER accounts_part_insert AFTER INSERT ON accounts BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'accounts',
        CASE WHEN NEW.created_at >= -62135596800000 AND NEW.created_at < 253402300800000
        THEN (NEW.created_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER accounts_part_update AFTER UPDATE ON accounts BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'accounts',
        CASE WHEN NEW.created_at >= -62135596800000 AND NEW.created_at < 253402300800000
        THEN (NEW.created_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
    INSERT INTO part_versions VALUES (OLD.org_id, 'accounts',
        CASE WHEN OLD.created_at >= -62135596800000 AND OLD.created_at < 253402300800000
        THEN (OLD.created_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER accounts_part_delete AFTER DELETE ON accounts BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'accounts',
        CASE WHEN OLD.created_at >= -62135596800000 AND OLD.created_at < 253402300800000
        THEN (OLD.created_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER meetings_part_insert AFTER INSERT ON meetings BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'meetings',
        CASE WHEN NEW.scheduled_at >= -62135596800000 AND NEW.scheduled_at < 253402300800000
        THEN (NEW.scheduled_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER meetings_part_update AFTER UPDATE ON meetings BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'meetings',
        CASE WHEN NEW.scheduled_at >= -62135596800000 AND NEW.scheduled_at < 253402300800000
        THEN (NEW.scheduled_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
    INSERT INTO part_versions VALUES (OLD.org_id, 'meetings',
        CASE WHEN OLD.scheduled_at >= -62135596800000 AND OLD.scheduled_at < 253402300800000
        THEN (OLD.scheduled_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER meetings_part_delete AFTER DELETE ON meetings BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'meetings',
        CASE WHEN OLD.scheduled_at >= -62135596800000 AND OLD.scheduled_at < 253402300800000
        THEN (OLD.scheduled_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER facts_part_insert AFTER INSERT ON facts BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'facts',
        CASE WHEN NEW.received_at >= -62135596800000 AND NEW.received_at < 253402300800000
        THEN (NEW.received_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER facts_part_update AFTER UPDATE ON facts BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'facts',
        CASE WHEN NEW.received_at >= -62135596800000 AND NEW.received_at < 253402300800000
        THEN (NEW.received_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
    INSERT INTO part_versions VALUES (OLD.org_id, 'facts',
        CASE WHEN OLD.received_at >= -62135596800000 AND OLD.received_at < 253402300800000
        THEN (OLD.received_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER facts_part_delete AFTER DELETE ON facts BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'facts',
        CASE WHEN OLD.received_at >= -62135596800000 AND OLD.received_at < 253402300800000
        THEN (OLD.received_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER report_values_part_insert AFTER INSERT ON report_values BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'report_values', COALESCE((
        SELECT CASE WHEN created_at >= -62135596800000 AND created_at < 253402300800000
        THEN (created_at + 62135596800000) / 86400000 ELSE -1 END FROM conversations
        WHERE org_id = NEW.org_id AND conversation_id = NEW.conversation_id), -1), 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER report_values_part_update AFTER UPDATE ON report_values BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'report_values', COALESCE((
        SELECT CASE WHEN created_at >= -62135596800000 AND created_at < 253402300800000
        THEN (created_at + 62135596800000) / 86400000 ELSE -1 END FROM conversations
        WHERE org_id = NEW.org_id AND conversation_id = NEW.conversation_id), -1), 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER report_values_part_delete AFTER DELETE ON report_values BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'report_values', COALESCE((
        SELECT CASE WHEN created_at >= -62135596800000 AND created_at < 253402300800000
        THEN (created_at + 62135596800000) / 86400000 ELSE -1 END FROM conversations
        WHERE org_id = OLD.org_id AND conversation_id = OLD.conversation_id), -1), 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;

-- A conversation or a contact that moves from one day to another, or goes, takes all that is cut by it along:
-- `of_conversations` stands for all those tables.
CREATE TRIGGER conversations_part_moved AFTER UPDATE OF created_at ON conversations WHEN OLD.created_at IS NOT NEW.created_at BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'of_conversations',
        CASE WHEN OLD.created_at >= -62135596800000 AND OLD.created_at < 253402300800000
        THEN (OLD.created_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
    INSERT INTO part_versions VALUES (NEW.org_id, 'of_conversations',
        CASE WHEN NEW.created_at >= -62135596800000 AND NEW.created_at < 253402300800000
        THEN (NEW.created_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER conversations_part_delete AFTER DELETE ON conversations BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'of_conversations',
        CASE WHEN OLD.created_at >= -62135596800000 AND OLD.created_at < 253402300800000
        THEN (OLD.created_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER contacts_part_moved AFTER UPDATE OF created_at ON contacts WHEN OLD.created_at IS NOT NEW.created_at BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'contacts',
        CASE WHEN OLD.created_at >= -62135596800000 AND OLD.created_at < 253402300800000
        THEN (OLD.created_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
    INSERT INTO part_versions VALUES (NEW.org_id, 'contacts',
        CASE WHEN NEW.created_at >= -62135596800000 AND NEW.created_at < 253402300800000
        THEN (NEW.created_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER contacts_part_delete AFTER DELETE ON contacts BEGIN
    INSERT INTO part_versions VALUES (OLD.org_id, 'contacts',
        CASE WHEN OLD.created_at >= -62135596800000 AND OLD.created_at < 253402300800000
        THEN (OLD.created_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;

-- That Drift said so again is in no feed.
CREATE TRIGGER conversations_part_gone AFTER UPDATE OF gone_at ON conversations WHEN OLD.gone_at IS NOT NEW.gone_at BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'conversations',
        CASE WHEN NEW.created_at >= -62135596800000 AND NEW.created_at < 253402300800000
        THEN (NEW.created_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER contacts_part_gone AFTER UPDATE OF gone_at ON contacts WHEN OLD.gone_at IS NOT NEW.gone_at BEGIN
    INSERT INTO part_versions VALUES (NEW.org_id, 'contacts',
        CASE WHEN NEW.created_at >= -62135596800000 AND NEW.created_at < 253402300800000
        THEN (NEW.created_at + 62135596800000) / 86400000 ELSE -1 END, 1)
    ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1;
END;

-- Metrics without a conversation that were there before.
INSERT INTO part_versions SELECT DISTINCT r.org_id, 'report_values', -1, 1 FROM report_values AS r
    WHERE NOT EXISTS (SELECT 1 FROM conversations AS c
        WHERE c.org_id = r.org_id AND c.conversation_id = r.conversation_id);

-- What pseudonyms in exports are made with, sealed; by organization.
CREATE TABLE mask_keys (
    org_id INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id)
) STRICT, WITHOUT ROWID;
