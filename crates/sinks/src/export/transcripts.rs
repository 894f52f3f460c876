//! A transcript of each conversation, as text, HTML and Markdown, and the pages that list them.
//!
//! Conversations are read in key order, some at a time; each batch is laid out and written by a thread of the blocking
//! pool while the next is read, as many at once as there are cores. Batches are taken back in order, so the
//! list is in order too, and memory holds a few batches.
//!
//! No reader finds them before the export is committed, wherever its trees are, so the files are written plainly.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

use model::record::Attachment;
use model::{ConversationId, OrgId};
use store::{Db, mirror};
use tokio::task::JoinHandle;

use crate::SinkError;
use crate::blocking::{blocking, joined, spawn};
use crate::export::attachments::{self, Outcome};
use crate::export::files::{FileList, Listed};
use crate::export::trees::{NewFile, Pile, Trees};
use crate::export::{ExportProgress, Run};
use crate::file_name::percent_encode;
use crate::transcript::gather::{self, Gathered};
use crate::transcript::index::{self, Line, PAGE_ROWS_MAX};
use crate::transcript::{Files, People, Transcript, html, markdown, month, one, text};

/// The tree's name.
const TREE: &str = "transcripts";
/// Conversations read at once.
const BATCH_CONVERSATIONS_MAX: u32 = 64;
/// Batches being laid out at once, at most; fewer on fewer cores.
const BATCHES_MAX: usize = 16;

/// What a batch gives back: its files, and its lines of the list.
struct Laid {
    listed: Vec<Listed>,
    lines: Vec<Line>,
}

/// What every batch needs.
struct Layout {
    trees: Arc<dyn Trees>,
    people: People,
    /// Attachments that were exported; seen from a transcript their directory is two up.
    exported: Outcome,
}

impl Files for Layout {
    fn link(&self, attachment: &Attachment) -> Option<String> {
        let name = attachment.file_name.as_ref().map(|name| name.expose().as_str());
        let name = attachments::name_of(attachment.attachment_id, name);
        self.exported
            .has(attachment.attachment_id)
            .then(|| format!("../../attachments/{}", percent_encode(&name)))
    }
}

/// Write all transcripts and the list of them; gives the number of conversations.
pub(super) async fn write<W: Write + Send + 'static>(
    run: &mut Run<'_>,
    list: FileList<W>,
    exported: Outcome,
) -> Result<(FileList<W>, u64), SinkError> {
    let trees = run.trees.clone();
    let layout =
        Arc::new(Layout { trees: trees.clone(), people: one::people(run.db, run.org).await?, exported });
    let index = Index { trees, page: 1, lines: Vec::new(), list, conversations: 0 };
    let mut batches = VecDeque::new();
    let written = write_batches(run, &layout, index, &mut batches).await;
    // Whoever clears away a failed export must not meet a batch that still writes.
    for batch in batches {
        let _ = batch.await;
    }
    written
}

async fn write_batches<W: Write + Send + 'static>(
    run: &mut Run<'_>,
    layout: &Arc<Layout>,
    mut index: Index<W>,
    batches: &mut VecDeque<JoinHandle<Result<Laid, SinkError>>>,
) -> Result<(FileList<W>, u64), SinkError> {
    let batches_max = std::thread::available_parallelism().map_or(1, |cores| cores.get()).min(BATCHES_MAX);
    let mut after = None;
    loop {
        let batch = gather(run.db, run.org, after).await?;
        after = batch.last().map(Gathered::id);
        if after.is_some() {
            let layout = layout.clone();
            batches.push_back(spawn(&run.trees, move || lay_out(&layout, &batch)));
        }
        while batches.len() >= batches_max || (after.is_none() && !batches.is_empty()) {
            let oldest = batches.pop_front().expect("there is one");
            let laid = joined(TREE, oldest).await?;
            index = blocking(&run.trees, TREE, move || index.add(laid)).await?;
            (run.progress)(ExportProgress { step: TREE, done: index.conversations });
        }
        if after.is_none() {
            return blocking(&run.trees, TREE, move || index.finish()).await;
        }
    }
}

/// Read the conversations that follow `after`, as many as fit a batch; none at the end.
async fn gather(db: &Db, org: OrgId, after: Option<ConversationId>) -> Result<Vec<Gathered>, SinkError> {
    let mut found = mirror::read_conversations(db, org, after, BATCH_CONVERSATIONS_MAX).await?;
    found.truncate(gather::fitting(&found));
    gather::gather(db, org, found).await
}

/// Lay out and write a batch.
fn lay_out(layout: &Layout, batch: &[Gathered]) -> Result<Laid, SinkError> {
    let mut laid =
        Laid { listed: Vec::with_capacity(3 * batch.len()), lines: Vec::with_capacity(batch.len()) };
    let mut pile = Pile::default();
    for gathered in batch {
        let id = gathered.id();
        let month = month(gathered.stored.conversation.created_at);
        let transcript = Transcript::compose(gathered.source(), &layout.people, layout);
        let page = html::render(&transcript, Some("../index.html"));
        let (plain, marked) = (text::render(&transcript), markdown::render(&transcript));
        for (ending, content) in [("txt", plain), ("html", page), ("md", marked)] {
            let path = format!("{}{TREE}/{month}/conversation-{id}.{ending}", layout.trees.root());
            pile.add(NewFile { path, kind: "transcript", id: Some(id.0), content: content.into() });
        }
        if pile.is_full() {
            laid.listed.extend(pile.put(layout.trees.as_ref())?);
        }
        laid.lines.push(Line::of(&transcript, format!("{month}/conversation-{id}.html")));
    }
    laid.listed.extend(pile.put(layout.trees.as_ref())?);
    Ok(laid)
}

/// The list on its pages. A page is written when it is known whether another follows.
struct Index<W> {
    trees: Arc<dyn Trees>,
    page: u64,
    lines: Vec<Line>,
    list: FileList<W>,
    conversations: u64,
}

impl<W: Write> Index<W> {
    fn add(mut self, laid: Laid) -> Result<Self, SinkError> {
        laid.listed.iter().try_for_each(|listed| self.list.add(listed))?;
        for line in laid.lines {
            if self.lines.len() == PAGE_ROWS_MAX {
                self.write(true)?;
                self.lines.clear();
                self.page += 1;
            }
            self.lines.push(line);
            self.conversations += 1;
        }
        Ok(self)
    }

    fn finish(mut self) -> Result<(FileList<W>, u64), SinkError> {
        self.write(false)?;
        Ok((self.list, self.conversations))
    }

    fn write(&mut self, has_next: bool) -> Result<(), SinkError> {
        let path = format!("{}{TREE}/{}", self.trees.root(), index::file_name(self.page));
        let content = index::render(self.page, &self.lines, has_next).into();
        let mut pile = Pile::default();
        pile.add(NewFile { path, kind: "index", id: None, content });
        pile.put(self.trees.as_ref())?.iter().try_for_each(|listed| self.list.add(listed))
    }
}
