//! The attachments' files, under `attachments/<id>-<name>` of wherever an export has its trees.

use std::io::Write;
use std::sync::Arc;

use model::AttachmentId;
use store::mirror;
use store::tables::{self, Row, Table, Value};

use crate::SinkError;
use crate::blocking::blocking;
use crate::export::files::FileList;
use crate::export::trees::{NewFile, Pile, Trees};
use crate::export::{ExportProgress, Run};
use crate::file_name;

/// The tree's name.
const TREE: &str = "attachments";
/// Attachments listed at once; their bytes are read one by one, and written in piles.
const PAGE_ROWS: u32 = 256;

/// What came of the attachments.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) written: u64,
    /// Attachments whose bytes the mirror does not have.
    pub(super) missing: u64,
    /// The ids of those written, ascending: eight bytes each is all that transcripts need to know.
    exported: Vec<i64>,
}

impl Outcome {
    pub(super) fn has(&self, attachment: AttachmentId) -> bool {
        self.exported.binary_search(&attachment.0).is_ok()
    }
}

/// The name of an attachment's file; harmless whatever the remote name is.
pub(crate) fn name_of(attachment: AttachmentId, remote_name: Option<&str>) -> String {
    format!("{attachment}-{}", file_name::safe(remote_name.unwrap_or_default()))
}

/// Write all files that the mirror has, and list them.
pub(super) async fn write<W: Write + Send + 'static>(
    run: &mut Run<'_>,
    mut list: FileList<W>,
) -> Result<(FileList<W>, Outcome), SinkError> {
    let table = tables::table("attachments").expect("attachments are a public table");
    let mut outcome = Outcome::default();
    let mut pile = Pile::default();
    let mut after: Option<Row> = None;
    // One file may hang on several messages, one after the other in key order, perhaps by other names.
    let mut names_of_last: Vec<String> = Vec::new();
    let mut last = None;
    loop {
        let page = tables::read(run.db, table, run.org, after.as_ref(), PAGE_ROWS).await?;
        for (attachment, remote_name) in attachments(table, &page) {
            if last.replace(attachment) != Some(attachment) {
                names_of_last.clear();
            }
            let name = name_of(attachment, remote_name);
            if names_of_last.contains(&name) {
                continue;
            }
            names_of_last.push(name.clone());
            let Some(file) = mirror::attachment_bytes(run.db, run.org, attachment).await? else {
                outcome.missing += 1;
                continue;
            };
            let path = format!("{}{TREE}/{name}", run.trees.root());
            let (id, content) = (Some(attachment.0), file.bytes.into());
            pile.add(NewFile { path, kind: "attachment", id, content });
            outcome.written += 1;
            if outcome.exported.last() != Some(&attachment.0) {
                outcome.exported.push(attachment.0);
            }
            if pile.is_full() {
                list = put(&run.trees, list, std::mem::take(&mut pile)).await?;
                (run.progress)(ExportProgress { step: TREE, done: outcome.written });
            }
        }
        after = page.last().map(|row| row[..=table.key.len()].to_vec());
        if after.is_none() {
            list = put(&run.trees, list, pile).await?;
            (run.progress)(ExportProgress { step: TREE, done: outcome.written });
            return Ok((list, outcome));
        }
    }
}

/// Write files that were gathered, and list them.
async fn put<W: Write + Send + 'static>(
    trees: &Arc<dyn Trees>,
    mut list: FileList<W>,
    mut pile: Pile,
) -> Result<FileList<W>, SinkError> {
    let into = trees.clone();
    let put = move || {
        pile.put(into.as_ref())?.iter().try_for_each(|listed| list.add(listed))?;
        Ok(list)
    };
    blocking(trees, TREE, put).await
}

/// Id and remote name of each row.
fn attachments<'a>(
    table: &'static Table,
    page: &'a [Row],
) -> impl Iterator<Item = (AttachmentId, Option<&'a str>)> {
    let place = |name| table.columns.iter().position(|column| column.name == name);
    let id = place("attachment_id").expect("attachments have an id");
    let name = place("file_name").expect("attachments have a file name");
    page.iter().filter_map(move |row| match (&row[id], &row[name]) {
        (Value::Integer(id), Value::Text(name)) => Some((AttachmentId(*id), Some(name.as_str()))),
        (Value::Integer(id), _) => Some((AttachmentId(*id), None)),
        _ => None,
    })
}
