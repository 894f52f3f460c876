//! What has changed of the public tables since an earlier export, part by part.
//!
//! Two things tell it. The change feed names conversations and contacts, and so the months they are in. What it does not
//! tell (users, meetings, metrics, a row that moved to another month, a time at which Drift was asked once more) counts in
//! `part_versions`: triggers, and `touch`, raise a number for the part in the transaction that writes it. So a part
//! that neither names is as it was, however it was written.
//!
//! What was is a [`Basis`]: read before the first row of an export and kept with it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use model::OrgId;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use crate::changes::{self, ChangeKind};
use crate::db::{Db, Tx, TxKind};
use crate::error::StoreError;
use crate::mirror::state::Pair;
use crate::tables::{Month, TRANSCRIPTS, Table};

/// What stands for rows that have no month.
const NO_MONTH: &str = "none";

/// The tables that are cut by the creation of a conversation.
const OF_CONVERSATIONS: &[&str] =
    &["conversations", "messages", "participants", "tags", "attachments", "report_values"];
/// What stands for all of them in `part_versions`.
const ALL_OF_CONVERSATIONS: &str = "of_conversations";
/// What stands there for the names that the team's members go by in transcripts.
const USER_NAMES: &str = "user_names";

/// How far the mirror had come when an export began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The number of the last change.
    pub changes_upto: i64,
    /// What the feed does not tell: by table and month (`2026-01`, or `none`), how often it was written.
    pub versions: BTreeMap<String, BTreeMap<String, i64>>,
}

/// The months of each table of which rows may have come, changed, moved or gone; `None` for rows without one, and for
/// tables that are not cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    tables: BTreeMap<String, BTreeSet<Option<Month>>>,
    user_names: bool,
}

impl Touched {
    /// Whether any month of this table may have changed, beside those that are known.
    #[must_use]
    pub fn is_whole(&self, table: &Table) -> bool {
        self.user_names && table.name == TRANSCRIPTS.name
    }

    /// The months of this table; none when it is as it was.
    #[must_use]
    pub fn months(&self, table: &Table) -> BTreeSet<Option<Month>> {
        self.tables.get(table.name).cloned().unwrap_or_default()
    }

    fn add(&mut self, table: &str, month: Option<Month>) {
        self.tables.entry(table.to_owned()).or_default().insert(month);
    }
}

const VERSIONS: &str = "
    SELECT table_name, day, CAST(SUM(version) AS BIGINT) AS version FROM part_versions
    WHERE org_id = $1 GROUP BY table_name, day";

/// How far the mirror has come. Read it before the rows: what is written in between is then found the next time.
///
/// # Errors
/// The database's error.
pub async fn basis(db: &Db, org: OrgId) -> Result<Basis, StoreError> {
    let mut basis = Basis { changes_upto: changes::head(db, org).await?, versions: BTreeMap::new() };
    on_db!(db, pool => {
        let mut rows = sqlx::query(VERSIONS).bind(org.0).fetch(pool);
        while let Some(row) = rows.try_next().await? {
            let month = Month::of_day(row.try_get(1)?).map_or_else(|| NO_MONTH.to_owned(), |month| month.to_string());
            let months = basis.versions.entry(row.try_get(0)?).or_default();
            *months.entry(month).or_default() += row.try_get::<i64, _>(2)?;
        }
    });
    Ok(basis)
}

/// The days of the conversations that changed, and how each did.
const CONVERSATIONS: &str = "
    SELECT DISTINCT CASE WHEN c.created_at >= -62135596800000 AND c.created_at < 253402300800000
            THEN (c.created_at + 62135596800000) / 86400000 ELSE -1 END AS day, h.kind
    FROM changes AS h JOIN conversations AS c ON c.org_id = h.org_id AND c.conversation_id = h.conversation_id
    WHERE h.org_id = $1 AND h.seq > $2 AND h.seq <= $3";

/// The days of the rows of a table that tells whose each is, for contacts that came or changed.
macro_rules! of_contacts {
    ($table:literal) => {
        Pair {
            sqlite: concat!("
    SELECT DISTINCT CASE WHEN c.created_at >= -62135596800000 AND c.created_at < 253402300800000
            THEN (c.created_at + 62135596800000) / 86400000 ELSE -1 END AS day
    FROM changes AS h JOIN ", $table, " AS c
        ON c.org_id = h.org_id AND c.contact_id = json_extract(h.detail, '$.contact_id')
    WHERE h.org_id = $1 AND h.seq > $2 AND h.seq <= $3 AND h.kind IN ('contact_created', 'contact_changed')"),
            postgres: concat!("
    SELECT DISTINCT part_day(c.created_at) AS day
    FROM changes AS h JOIN ", $table, " AS c
        ON c.org_id = h.org_id AND c.contact_id = CAST(CAST(h.detail AS json) ->> 'contact_id' AS BIGINT)
    WHERE h.org_id = $1 AND h.seq > $2 AND h.seq <= $3 AND h.kind IN ('contact_created', 'contact_changed')"),
        }
    };
}

const CONTACTS: Pair = of_contacts!("contacts");
const TALKS: Pair = of_contacts!("conversations");

/// What was touched of these tables between two states of one store, the earlier first.
///
/// # Errors
/// The database's error.
pub async fn touched(
    db: &Db,
    org: OrgId,
    (since, now): (&Basis, &Basis),
    of: &[&Table],
) -> Result<Touched, StoreError> {
    let mut touched = Touched::default();
    let has_orphans = now.versions.get("report_values").is_some_and(|months| months.contains_key(NO_MONTH));
    on_db!(db, pool => {
        let query = sqlx::query(CONVERSATIONS).bind(org.0).bind(since.changes_upto).bind(now.changes_upto);
        let mut days = query.fetch(pool);
        while let Some(day) = days.try_next().await? {
            let month = Month::of_day(day.try_get(0)?);
            let kind = ChangeKind::parse_stored(day.try_get(1)?)?;
            written_by(kind).iter().for_each(|table| touched.add(table, month));
            touched.add(TRANSCRIPTS.name, month);
            // Metrics that came before their conversation had no month till then.
            if kind == ChangeKind::ConversationCreated && has_orphans {
                touched.add("report_values", None);
            }
        }
    });
    // A transcript tells whom the conversation was with.
    for (table, text) in [("contacts", &CONTACTS), (TRANSCRIPTS.name, &TALKS)] {
        if !of.iter().any(|one| one.name == table) {
            continue;
        }
        on_db!(db, pool => {
            let query = sqlx::query(text.of_db(db)).bind(org.0).bind(since.changes_upto).bind(now.changes_upto);
            let mut days = query.fetch(pool);
            while let Some(day) = days.try_next().await? {
                touched.add(table, Month::of_day(day.try_get(0)?));
            }
        });
    }
    compare(since, now, &mut touched);
    Ok(touched)
}

/// What the feed does not tell.
fn compare(since: &Basis, now: &Basis, touched: &mut Touched) {
    let before = |table: &str, month: &str| since.versions.get(table)?.get(month).copied();
    for (table, months) in &now.versions {
        for (month, version) in months {
            if before(table, month) == Some(*version) {
                continue;
            }
            let month = Month::parse(month);
            match table.as_str() {
                ALL_OF_CONVERSATIONS => {
                    OF_CONVERSATIONS.iter().for_each(|table| touched.add(table, month));
                    touched.add(TRANSCRIPTS.name, month);
                }
                USER_NAMES => touched.user_names = true,
                table => touched.add(table, month),
            }
        }
    }
}

/// The tables that a change of a conversation may have written.
fn written_by(kind: ChangeKind) -> &'static [&'static str] {
    match kind {
        ChangeKind::ConversationCreated => OF_CONVERSATIONS,
        ChangeKind::DetailsLoaded => &["conversations", "participants", "tags"],
        ChangeKind::ParticipantsChanged => &["conversations", "participants"],
        ChangeKind::TagsChanged => &["conversations", "tags"],
        ChangeKind::MessagesLoaded
        | ChangeKind::MessageAdded
        | ChangeKind::MessageChanged
        | ChangeKind::MessageRemoved => &["conversations", "messages", "attachments"],
        ChangeKind::ConversationChanged
        | ChangeKind::StatusChanged
        | ChangeKind::ConversationGone
        | ChangeKind::ConversationRevived => &["conversations"],
        ChangeKind::ContactCreated | ChangeKind::ContactChanged => &[],
    }
}

const TOUCH: Pair = Pair {
    sqlite: "INSERT INTO part_versions (org_id, table_name, day, version) VALUES ($1, $2, $3, 1)
        ON CONFLICT (org_id, table_name, day) DO UPDATE SET version = version + 1",
    postgres: "INSERT INTO part_versions (org_id, table_name, day, version) VALUES ($1, $2, $3, 1)",
};

/// Note that rows of a table were written of which the feed tells nothing, by the instants that they are cut by.
pub(crate) async fn touch(
    tx: &mut Tx,
    org: OrgId,
    table: &'static str,
    instants: impl Iterator<Item = Option<i64>>,
) -> Result<(), StoreError> {
    let days: BTreeSet<i64> = instants.map(|at| at.and_then(Month::day).unwrap_or(-1)).collect();
    let text = TOUCH.of(tx);
    for day in days {
        on_tx!(tx, conn => sqlx::query(text).bind(org.0).bind(table).bind(day).execute(conn).await.map(drop))?;
    }
    Ok(())
}

const FOLD: &str = "
    WITH gone AS (DELETE FROM part_versions WHERE org_id = $1 RETURNING table_name, day, version)
    INSERT INTO part_versions (org_id, table_name, day, version)
    SELECT $1, table_name, day, CAST(SUM(version) AS BIGINT) FROM gone GROUP BY table_name, day";

/// Fold what many writes noted into one row for each part. Changes no version.
///
/// # Errors
/// The database's error.
pub async fn fold(tx: &mut Tx, org: OrgId) -> Result<(), StoreError> {
    match &mut tx.0 {
        // There each part has one row always.
        TxKind::Sqlite(_) => Ok(()),
        crate::db::TxKind::Postgres(tx) => {
            Ok(sqlx::query(FOLD).bind(org.0).execute(&mut **tx).await.map(drop)?)
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("tables::touched::VERSIONS", VERSIONS), ("tables::touched::CONVERSATIONS", CONVERSATIONS)];

pub(crate) const POSTGRES: &[(&str, &str)] = &[("tables::touched::FOLD", FOLD)];

pub(crate) const PAIRS: &[(&str, &Pair)] = &[
    ("tables::touched::CONTACTS", &CONTACTS),
    ("tables::touched::TALKS", &TALKS),
    ("tables::touched::TOUCH", &TOUCH),
];
