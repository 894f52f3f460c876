//! Rows of the table of transcripts: the store tells which conversations there are, and each is laid out here.
//!
//! A page is laid out by threads of the blocking pool, as many as there are cores, while the sink writes the one before. What was
//! asked to be left out is not laid out. Attachments are named and not linked: a row does not know where their files are.

use std::sync::Arc;

use futures_util::future::try_join_all;
use model::{ConversationId, OrgId};
use store::tables::{Batch, Row, TRANSCRIPTS, Table, Value, ValueRef};
use store::{Db, mirror};

use crate::SinkError;
use crate::transcript::gather::{self, Gathered};
use crate::transcript::{NoFiles, People, Transcript, html, markdown, one, text};

/// Lays out, and knows whom by which name.
pub(super) struct Composer {
    table: &'static Table,
    people: Arc<People>,
}

/// A page that was laid out.
pub(super) struct Composed {
    /// Conversations that went away meanwhile are not in it.
    pub(super) batch: Batch,
    /// The key of the last conversation that was looked at.
    pub(super) upto: Option<Row>,
    /// Whether it is the page's last: a page with more messages than are read at once is cut short.
    pub(super) is_whole: bool,
}

impl Composer {
    /// For a table of the list, or for none that is to be composed.
    pub(super) async fn begin(db: &Db, org: OrgId, table: &'static Table) -> Result<Option<Self>, SinkError> {
        if table.name != TRANSCRIPTS.name {
            return Ok(None);
        }
        Ok(Some(Self { table, people: Arc::new(one::people(db, org).await?) }))
    }

    /// Lay out the conversations of a page, or as many of the first as are read at once.
    pub(super) async fn compose(&self, db: &Db, org: OrgId, page: &Batch) -> Result<Composed, SinkError> {
        let ids = page.columns()[1].cells().filter_map(|id| match id {
            ValueRef::Integer(id) => Some(ConversationId(id)),
            _ => None,
        });
        let mut found = mirror::conversations_of(db, org, &ids.collect::<Vec<_>>()).await?;
        let fitting = gather::fitting(&found);
        let is_whole = fitting == found.len();
        found.truncate(fitting);
        let upto = match found.last() {
            Some(last) if !is_whole => {
                let id = last.conversation.conversation_id;
                Some(vec![Value::Integer(org.0), Value::Integer(id.0)])
            }
            _ => page.last_key(),
        };
        let batch = self.lay_out(org, gather::gather(db, org, found).await?).await?;
        Ok(Composed { batch, upto, is_whole })
    }

    async fn lay_out(&self, org: OrgId, mut gathered: Vec<Gathered>) -> Result<Batch, SinkError> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let each = gathered.len().div_ceil(cores).max(1);
        let mut batch = Batch::with_capacity(self.table, gathered.len());
        let mut shares = Vec::with_capacity(cores);
        while !gathered.is_empty() {
            let rest = gathered.split_off(each.min(gathered.len()));
            let (share, people, table) = (gathered, Arc::clone(&self.people), self.table);
            shares.push(tokio::task::spawn_blocking(move || {
                share.iter().map(|one| row(table, org, one, &people)).collect::<Vec<Row>>()
            }));
            gathered = rest;
        }
        let laid_out = try_join_all(shares).await;
        let rows = laid_out.map_err(|_| SinkError::WriterStopped { step: self.table.name })?;
        for row in rows.iter().flatten() {
            batch.push(&row.iter().map(Value::as_ref).collect::<Vec<_>>());
        }
        Ok(batch)
    }
}

/// A conversation, as a row of these columns.
fn row(table: &Table, org: OrgId, gathered: &Gathered, people: &People) -> Row {
    let transcript = Transcript::compose(gathered.source(), people, &NoFiles);
    let value = |name| match name {
        "org_id" => Value::Integer(org.0),
        "conversation_id" => Value::Integer(gathered.id().0),
        "created_at" => {
            gathered.stored.conversation.created_at.map_or(Value::Null, |at| Value::Integer(at.0))
        }
        "text" => Value::Text(text::render(&transcript)),
        "html" => Value::Text(html::render(&transcript, None)),
        "markdown" => Value::Text(markdown::render(&transcript)),
        _ => Value::Null,
    };
    table.columns.iter().map(|column| value(column.name)).collect()
}
