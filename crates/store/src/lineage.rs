//! Whose rows lie where: what the mirror knows of a person or a conversation, by which copies outside are found.
//!
//! No copy is noted row by row. A row lies in the part of its table and month ([`crate::export_runs::parts`]), so it is enough to
//! know in which months somebody has rows.

use std::collections::BTreeSet;

use model::{AttachmentId, ContactId, ConversationId, Millis, OrgId};

use crate::db::Db;
use crate::error::StoreError;
use crate::tables::{Cut, Month, TRANSCRIPTS, Table};

/// Conversations, attachments and months looked at, at most: of one person there are not as many.
const FOUND_MAX: i64 = 100_000;

const CONVERSATIONS: &str = "
    SELECT conversation_id FROM conversations WHERE org_id = $1 AND contact_id = $2
    ORDER BY conversation_id LIMIT $3";

/// The conversations with a contact.
///
/// # Errors
/// The database's error.
pub async fn conversations(
    db: &Db,
    org: OrgId,
    contact: ContactId,
) -> Result<BTreeSet<ConversationId>, StoreError> {
    let ids: Vec<i64> = on_db!(db, pool => sqlx::query_scalar(CONVERSATIONS)
        .bind(org.0)
        .bind(contact.0)
        .bind(FOUND_MAX)
        .fetch_all(pool)
        .await)?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

const ATTACHMENTS: &str = "
    SELECT attachment_id, file_name FROM attachments WHERE org_id = $1 AND conversation_id = $2
    ORDER BY attachment_id LIMIT $3";

/// The files of a conversation, by the names that Drift gives them.
///
/// # Errors
/// The database's error.
pub async fn attachments(
    db: &Db,
    org: OrgId,
    conversation: ConversationId,
) -> Result<BTreeSet<(AttachmentId, Option<String>)>, StoreError> {
    let files: Vec<(i64, Option<String>)> = on_db!(db, pool => sqlx::query_as(ATTACHMENTS)
        .bind(org.0)
        .bind(conversation.0)
        .bind(FOUND_MAX)
        .fetch_all(pool)
        .await)?;
    Ok(files.into_iter().map(|(id, name)| (AttachmentId(id), name)).collect())
}

/// The instants by which rows of somebody are cut into months, one statement for each table and column that says whose a
/// row is.
macro_rules! instants {
    ($($table:literal $column:literal $time:literal,)*) => {
        const INSTANTS: &[(&str, &str, &str)] = &[$((
            $table,
            $column,
            concat!(
                "SELECT ", $time, " FROM ", $table, " WHERE org_id = $1 AND ", $column, " = $2 LIMIT $3"
            ),
        ),)*];
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[
            ("lineage::CONVERSATIONS", CONVERSATIONS),
            ("lineage::ATTACHMENTS", ATTACHMENTS),
            $((
                concat!("lineage::", $table, ".", $column),
                concat!("SELECT ", $time, " FROM ", $table, " WHERE org_id = $1 AND ", $column, " = $2 LIMIT $3"),
            ),)*
        ];
    };
}

instants! {
    "conversations" "conversation_id" "created_at",
    "conversations" "contact_id" "created_at",
    "contacts" "contact_id" "created_at",
    "meetings" "conversation_id" "scheduled_at",
    "meetings" "contact_id" "scheduled_at",
    "facts" "conversation_id" "received_at",
    "facts" "contact_id" "received_at",
}

/// The months in which a table has rows with this id in this column (`None` for rows without a month); of a table that is cut by its
/// conversations, the months of those. An empty set says that there are no such rows.
///
/// # Errors
/// The database's error.
pub async fn months(
    db: &Db,
    org: OrgId,
    table: &Table,
    (column, id): (&str, i64),
) -> Result<BTreeSet<Option<Month>>, StoreError> {
    let name = match table.cut {
        Cut::Conversation => "conversations",
        Cut::Own(_) if table.name == TRANSCRIPTS.name => "conversations",
        Cut::Own(_) | Cut::Whole => table.name,
    };
    let Some((_, _, text)) = INSTANTS.iter().find(|(of, by, _)| (*of, *by) == (name, column)) else {
        return Ok(BTreeSet::new());
    };
    let times: Vec<Option<i64>> = on_db!(db, pool => sqlx::query_scalar(*text)
        .bind(org.0)
        .bind(id)
        .bind(FOUND_MAX)
        .fetch_all(pool)
        .await)?;
    Ok(times.into_iter().map(|at| at.and_then(|at| Month::of(Millis(at)))).collect())
}
