//! The public tables: a contract with whoever queries the store, described in docs/tables.md.
//!
//! One list says which columns go out, in which order and by which key; the readers here, the exports and the
//! documentation's test all follow it. Columns of bookkeeping (hashes and versions of the merge) are in the
//! page but not in this list, and the bytes of attachments are read one at a time.

use std::collections::BTreeMap;

use model::OrgId;
use sqlx::Row as _;

use crate::db::Db;
use crate::error::StoreError;

/// The kind of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// A 64-bit number.
    Integer,
    /// An instant: Unix milliseconds, UTC.
    Instant,
    /// True or false.
    Flag,
    /// A number with a fraction.
    Real,
    /// Text.
    Text,
    /// A JSON document as text.
    Json,
    /// A hash.
    Bytes,
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name, the same on both engines.
    pub name: &'static str,
    /// The kind of its values; any but a key's may be null.
    pub kind: ColumnKind,
}

/// One public table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The columns that go out; the first is `org_id`.
    pub columns: &'static [Column],
    /// The columns it is ordered by, after `org_id`; a prefix of `columns` after the first.
    pub key: &'static [&'static str],
    first: &'static str,
    next: &'static str,
    count: &'static str,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number or an instant.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// True or false.
    Flag(bool),
    /// Text or JSON.
    Text(String),
    /// A hash.
    Bytes(Vec<u8>),
}

/// One row, in the order of the table's columns.
pub type Row = Vec<Value>;

/// Read one value by its column's kind, from either driver.
macro_rules! value {
    ($row:expr, $index:expr, $kind:expr) => {
        Ok(match $kind {
            ColumnKind::Integer | ColumnKind::Instant => {
                $row.try_get::<Option<i64>, _>($index)?.map_or(Value::Null, Value::Integer)
            }
            ColumnKind::Flag => $row.try_get::<Option<bool>, _>($index)?.map_or(Value::Null, Value::Flag),
            ColumnKind::Real => $row.try_get::<Option<f64>, _>($index)?.map_or(Value::Null, Value::Real),
            ColumnKind::Text | ColumnKind::Json => {
                $row.try_get::<Option<String>, _>($index)?.map_or(Value::Null, Value::Text)
            }
            ColumnKind::Bytes => {
                $row.try_get::<Option<Vec<u8>>, _>($index)?.map_or(Value::Null, Value::Bytes)
            }
        })
    };
}

/// Declare a public table: its key's columns in brackets, then the others.
macro_rules! table {
    ($name:literal [$($key:ident $key_kind:ident $mark:literal),+] ($first_key:ident $(, $more_key:ident)*) limit $limit:literal
     $($column:ident $kind:ident),* $(,)?) => {
        Table {
            name: $name,
            columns: &[
                Column { name: "org_id", kind: ColumnKind::Integer },
                $(Column { name: stringify!($key), kind: ColumnKind::$key_kind },)+
                $(Column { name: stringify!($column), kind: ColumnKind::$kind },)*
            ],
            key: &[$(stringify!($key)),+],
            first: concat!(
                "SELECT org_id", $(", ", stringify!($key),)+ $(", ", stringify!($column),)*
                " FROM ", $name, " WHERE org_id = $1 ORDER BY ",
                stringify!($first_key), $(", ", stringify!($more_key),)* " LIMIT $2"
            ),
            next: concat!(
                "SELECT org_id", $(", ", stringify!($key),)+ $(", ", stringify!($column),)*
                " FROM ", $name, " WHERE org_id = $1 AND (",
                stringify!($first_key), $(", ", stringify!($more_key),)*
                ") > (", table!(@marks $($mark),+), ") ORDER BY ",
                stringify!($first_key), $(", ", stringify!($more_key),)* " LIMIT ", $limit
            ),
            count: concat!("SELECT COUNT(*) FROM ", $name, " WHERE org_id = $1"),
        }
    };
    (@marks $first:literal $(, $more:literal)*) => {
        concat!($first, $(", ", $more,)*)
    };
}

/// All public tables, in the order in which they are best read.
pub const TABLES: &[Table] = &[
    table!("conversations" [conversation_id Integer "$2"] (conversation_id) limit "$3"
        contact_id Integer, inbox_id Integer, status Text, created_at Instant, updated_at Instant,
        related_playbook_id Integer, message_count Integer, messages_hash Bytes, gone_at Instant, seen_at Instant,
        extra Json, details_extra Json),
    table!("messages" [conversation_id Integer "$2", message_id Integer "$3"] (conversation_id, message_id) limit "$4"
        author_kind Text, author_id Integer, author_bot Flag, kind Text, created_at Instant, body Text, text Text,
        edited_message_id Integer, edit_type Text, live Flag, extra Json),
    table!("participants" [conversation_id Integer "$2", user_id Integer "$3"] (conversation_id, user_id) limit "$4"),
    table!("tags" [conversation_id Integer "$2", name Text "$3"] (conversation_id, name) limit "$4"
        color Text),
    table!("attachments" [attachment_id Integer "$2", message_id Integer "$3"] (attachment_id, message_id) limit "$4"
        conversation_id Integer, position Integer, file_name Text, mime_type Text, url Text, live Flag, extra Json),
    table!("attachment_files" [attachment_id Integer "$2"] (attachment_id) limit "$3"
        mime_type Text, size_bytes Integer, sha256 Bytes, stored_at Instant, gone_at Instant),
    table!("contacts" [contact_id Integer "$2"] (contact_id) limit "$3"
        created_at Instant, email Text, name Text, phone Text, external_id Text, attributes Json, fetched_at Instant,
        gone_at Instant, extra Json),
    table!("users" [user_id Integer "$2"] (user_id) limit "$3"
        name Text, alias Text, email Text, phone Text, locale Text, availability Text, role Text, time_zone Text,
        avatar_url Text, verified Flag, bot Flag, created_at Instant, updated_at Instant, gone_at Instant, extra Json),
    table!("teams" [team_id Integer "$2"] (team_id) limit "$3"
        name Text, owner_id Integer, members Json, status Text, main Flag, updated_at Instant, gone_at Instant,
        extra Json),
    table!("accounts" [account_id Text "$2"] (account_id) limit "$3"
        owner_id Integer, name Text, domain Text, deleted Flag, targeted Flag, created_at Instant, updated_at Instant,
        gone_at Instant, custom_properties Json, extra Json),
    table!("playbooks" [playbook_id Integer "$2"] (playbook_id) limit "$3"
        name Text, report_type Text, interaction_id Integer, created_at Instant, updated_at Instant,
        created_author_id Integer, updated_author_id Integer, gone_at Instant, goals Json, extra Json),
    table!("landing_pages" [playbook_id Integer "$2", url Text "$3"] (playbook_id, url) limit "$4"
        playbook_name Text, gone_at Instant, extra Json),
    table!("contact_attributes" [name Text "$2"] (name) limit "$3"
        display_name Text, kind Text, gone_at Instant, extra Json),
    table!("meetings" [meeting_id Text "$2"] (meeting_id) limit "$3"
        conversation_id Integer, contact_id Integer, agent_id Integer, status Text, source Text, kind Text,
        event_id Text, slot_start Instant, slot_end Instant, scheduled_at Instant, updated_at Instant,
        time_zone Text, notes Text, extra Json),
    table!("facts" [fact_id Text "$2"] (fact_id) limit "$3"
        kind Text, conversation_id Integer, contact_id Integer, user_id Integer, playbook_id Integer,
        occurred_at Instant, received_at Instant, phone Text, detail Json),
    table!("report_values" [conversation_id Integer "$2", metric Text "$3"] (conversation_id, metric) limit "$4"
        value Real),
    table!("export_runs" [export_run_id Text "$2"] (export_run_id) limit "$3"
        format Text, destination Text, started_at Instant, finished_at Instant, outcome Text, counts Json),
];

/// The public table of this name.
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

/// One page of a table in the order of its key, after the key of `after` (a row answered before; `None` begins).
///
/// # Errors
/// The database's error.
pub async fn read(
    db: &Db,
    table: &Table,
    org: OrgId,
    after: Option<&Row>,
    limit: u32,
) -> Result<Vec<Row>, StoreError> {
    let limit = i64::from(limit);
    let Some(after) = after else {
        return on_db!(db, pool => {
            let rows = sqlx::query(table.first).bind(org.0).bind(limit).fetch_all(pool).await?;
            rows.iter().map(|row| decode(table, |index, kind| value!(row, index, kind))).collect()
        });
    };
    let key = after.get(1..=table.key.len()).ok_or(StoreError::Stored { what: "key to go on after" })?;
    on_db!(db, pool => {
        let mut query = sqlx::query(table.next).bind(org.0);
        for value in key {
            query = match value {
                Value::Text(text) => query.bind(text.as_str()),
                Value::Integer(number) => query.bind(*number),
                _ => return Err(StoreError::Stored { what: "key to go on after" }),
            };
        }
        let rows = query.bind(limit).fetch_all(pool).await?;
        rows.iter().map(|row| decode(table, |index, kind| value!(row, index, kind))).collect()
    })
}

fn decode(
    table: &Table,
    value: impl Fn(usize, ColumnKind) -> Result<Value, sqlx::Error>,
) -> Result<Row, StoreError> {
    let columns = table.columns.iter().enumerate();
    Ok(columns.map(|(index, column)| value(index, column.kind)).collect::<Result<Row, sqlx::Error>>()?)
}

/// Rows of each public table.
pub(crate) async fn count_all(db: &Db, org: OrgId) -> Result<BTreeMap<&'static str, i64>, StoreError> {
    let mut counts = BTreeMap::new();
    for table in TABLES {
        let count: i64 =
            on_db!(db, pool => sqlx::query_scalar(table.count).bind(org.0).fetch_one(pool).await)?;
        counts.insert(table.name, count);
    }
    Ok(counts)
}

/// The statements of every table, for the test that prepares them all.
pub(crate) fn statements() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLES.iter().flat_map(|table| [table.first, table.next, table.count].map(|text| (table.name, text)))
}
