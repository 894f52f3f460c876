//! Which copies of a conversation or a contact lie outside, found without a note for each row.
//!
//! A row lies in the part of its table and its month. So a copy is named by what the store recorded of the run that was
//! last at each destination: its parts, and whether it laid out transcripts and attachments.

use std::collections::BTreeSet;

use model::{ContactId, ConversationId, OrgId, RunId};
use serde::{Deserialize, Serialize};
use store::export_runs::{self, ExportRun};
use store::tables::{Cut, Month, Table};
use store::{Db, lineage, mirror};

use crate::SinkError;
use crate::export::{attachments, files_of};
use crate::on_demand;
use crate::sink::{PartFile, Subject};
use crate::transcript;

/// Destinations looked at, at most.
const DESTINATIONS_MAX: u32 = 10_000;

/// Whose copies are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A conversation's.
    Conversation(ConversationId),
    /// A contact's, with those of their conversations.
    Contact(ContactId),
}

/// One copy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Copy {
    /// The run that wrote it.
    pub run_id: RunId,
    /// Where.
    pub destination: String,
    /// Such as `parquet`.
    pub format: String,
    /// The table, or `transcripts`, `attachments`, `handover`, `transcript`.
    pub table: String,
    /// The file, seen from the destination, or the table there.
    pub file: String,
}

/// Who is meant, with everything that belongs to them.
///
/// # Errors
/// Those of the store.
pub async fn subject(db: &Db, org: OrgId, whose: Whose) -> Result<Subject, SinkError> {
    let (conversations, contacts) = match whose {
        Whose::Conversation(id) => (BTreeSet::from([id]), BTreeSet::new()),
        Whose::Contact(id) => (lineage::conversations(db, org, id).await?, BTreeSet::from([id])),
    };
    let mut files = BTreeSet::new();
    for conversation in &conversations {
        files.extend(lineage::attachments(db, org, *conversation).await?.into_iter().map(|(id, _)| id));
    }
    Ok(Subject { org, conversations, contacts, attachments: files })
}

/// The copies that stand outside, by destination.
///
/// # Errors
/// Those of the store.
pub async fn copies(db: &Db, org: OrgId, whose: Whose) -> Result<Vec<Copy>, SinkError> {
    let subject = subject(db, org, whose).await?;
    let mut copies = BTreeSet::new();
    for run in export_runs::standing(db, org, DESTINATIONS_MAX).await? {
        let copy = |table: &str, file: String| Copy {
            run_id: run.export_run_id.clone(),
            destination: run.destination.clone(),
            format: run.format.clone(),
            table: table.to_owned(),
            file,
        };
        if let Some(id) = on_demand::handed_out(&run) {
            let is_theirs = subject.conversations.contains(&id);
            copies.extend(is_theirs.then(|| copy("transcript", String::new())));
            continue;
        }
        let Some((has_transcripts, has_attachments)) = files_of(&run) else {
            copies.extend(handed_over(&run, &subject).map(|file| copy("handover", file)));
            continue;
        };
        for part in export_runs::parts(db, org, &run.export_run_id).await? {
            let Some(table) = store::tables::table(&part.table).filter(|_| part.rows > 0) else { continue };
            if has_rows(db, table, &part.period, &subject).await? {
                copies.insert(copy(table.name, part.file));
            }
        }
        let root = root_of_trees(&run);
        let beside = |table: &str, file: String| copy(table, format!("{root}{file}"));
        if has_transcripts {
            let files = transcripts(db, &subject).await?;
            copies.extend(files.into_iter().map(|file| beside("transcripts", file)));
        }
        if has_attachments {
            let files = attached(db, &subject).await?;
            copies.extend(files.into_iter().map(|file| beside("attachments", file)));
        }
    }
    Ok(copies.into_iter().collect())
}

/// Whether somebody has rows of a table in a period.
async fn has_rows(db: &Db, table: &Table, period: &str, subject: &Subject) -> Result<bool, SinkError> {
    for (column, _) in Subject::columns(table) {
        for id in subject.ids(column) {
            if table.cut == Cut::Whole {
                return Ok(true);
            }
            // What hangs on a conversation is looked for by it alone.
            let months = lineage::months(db, subject.org, table, (column, id)).await?;
            let is_in = |month: &Option<Month>| {
                period == "all"
                    || month.map_or_else(|| "none".to_owned(), |month| month.to_string()) == period
            };
            if months.iter().any(is_in) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The folder in which transcripts and attachments lie, with its last `/`: where their list does.
fn root_of_trees(run: &ExportRun) -> String {
    /// What of a manifest tells it.
    #[derive(Deserialize)]
    struct Listed {
        files: Option<PartFile>,
    }
    let listed = run.manifest.as_deref().and_then(|text| serde_json::from_str::<Listed>(text).ok());
    let list = listed.and_then(|listed| listed.files).map(|files| files.file).unwrap_or_default();
    list.rfind('/').map_or_else(String::new, |end| list[..=end].to_owned())
}

/// The transcripts of somebody's conversations.
async fn transcripts(db: &Db, subject: &Subject) -> Result<Vec<String>, SinkError> {
    let mut files = Vec::new();
    for id in &subject.conversations {
        let Some(stored) = mirror::conversation(db, subject.org, *id).await? else { continue };
        let month = transcript::month(stored.conversation.created_at);
        files.extend(
            ["txt", "html", "md"].map(|ending| format!("transcripts/{month}/conversation-{id}.{ending}")),
        );
    }
    Ok(files)
}

/// The files of somebody's conversations.
async fn attached(db: &Db, subject: &Subject) -> Result<Vec<String>, SinkError> {
    let mut files = Vec::new();
    for conversation in &subject.conversations {
        for (id, name) in lineage::attachments(db, subject.org, *conversation).await? {
            if mirror::attachment_bytes(db, subject.org, id).await?.is_some() {
                files.push(format!("attachments/{}", attachments::name_of(id, name.as_deref())));
            }
        }
    }
    Ok(files)
}

/// What a handover wrote lies in its one file.
fn handed_over(run: &ExportRun, subject: &Subject) -> Option<String> {
    let is_handover = crate::handover::Target::named(&run.format).is_some();
    (is_handover && !subject.conversations.is_empty()).then(|| "conversations.ndjson".to_owned())
}
