//! The files of a handover: the conversations, who of the team is in them, and what became of each field.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;

use crate::SinkError;
use crate::handover::STEP;
use crate::handover::compose::{Shared, compose};
use crate::handover::gather::Batch;
use crate::handover::report::FieldReport;
use crate::handover::target::Target;
use crate::partial::{PartialFile, Whole};
use crate::sink::PartFile;

/// What was written, under partial names still.
pub(super) struct Written {
    pub(super) wholes: Vec<Whole>,
    pub(super) files: Vec<PartFile>,
    pub(super) conversations: u64,
    pub(super) messages: u64,
    pub(super) fields: FieldReport,
}

/// Writes conversations as they come.
pub(super) struct Writer {
    root: PathBuf,
    target: Target,
    conversations: Lines,
    messages: u64,
    fields: FieldReport,
}

impl Writer {
    pub(super) fn create(root: &Path, target: Target) -> Result<Self, SinkError> {
        let conversations = Lines::create(root, "conversations")?;
        Ok(Self {
            root: root.to_path_buf(),
            target,
            conversations,
            messages: 0,
            fields: FieldReport::default(),
        })
    }

    /// Write all batches up to the end; a channel that closes without one belongs to a handover that was given up.
    pub(super) fn drain(
        mut self,
        mut batches: mpsc::Receiver<Option<Batch>>,
        shared: &Shared,
    ) -> Result<Written, SinkError> {
        loop {
            match batches.blocking_recv() {
                Some(Some(batch)) => self.batch(&batch, shared)?,
                Some(None) => return self.finish(shared),
                None => return Err(SinkError::WriterStopped { step: STEP }),
            }
        }
    }

    fn batch(&mut self, batch: &Batch, shared: &Shared) -> Result<(), SinkError> {
        for gathered in &batch.conversations {
            let conversation = compose(gathered, &batch.files, shared);
            self.messages += conversation.messages.len() as u64;
            self.conversations.bytes(&self.target.line(&conversation, &mut self.fields))?;
        }
        Ok(())
    }

    fn finish(self, shared: &Shared) -> Result<Written, SinkError> {
        let conversations = self.conversations.rows;
        let mut all = vec![self.conversations];
        if self.target != Target::Neutral {
            all.push(agents(&self.root, shared)?);
        }
        let mut report = Lines::create(&self.root, "report")?;
        self.fields.lines().iter().try_for_each(|line| report.row(line))?;
        all.push(report);
        let (mut wholes, mut files) = (Vec::new(), Vec::new());
        for lines in all {
            let (whole, file) = lines.finish()?;
            wholes.push(whole);
            files.push(file);
        }
        Ok(Written { wholes, files, conversations, messages: self.messages, fields: self.fields })
    }
}

/// Who the references to agents mean: the sender puts its own agents in their place.
fn agents(root: &Path, shared: &Shared) -> Result<Lines, SinkError> {
    let mut lines = Lines::create(root, "agents")?;
    lines.row(&json!({ "$from": "agent", "name": null, "email": null, "bot": null }))?;
    let mut ids: Vec<_> = shared.team.keys().copied().collect();
    ids.sort_unstable();
    for id in ids {
        let user = shared.participant(id);
        let reference = format!("agent:{id}");
        lines.row(&json!({ "$from": reference, "name": user.name, "email": user.email, "bot": user.bot }))?;
    }
    Ok(lines)
}

/// A file of JSON lines, under its partial name.
struct Lines {
    name: &'static str,
    path: PathBuf,
    file: PartialFile,
    rows: u64,
}

impl Lines {
    fn create(root: &Path, name: &'static str) -> Result<Self, SinkError> {
        let path = root.join(format!("{name}.ndjson"));
        let file = PartialFile::create(&path).map_err(|error| SinkError::io("create", &path, error))?;
        Ok(Self { name, path, file, rows: 0 })
    }

    fn row(&mut self, object: &impl Serialize) -> Result<(), SinkError> {
        let mut line = serde_json::to_vec(object).expect("a line is JSON");
        line.push(b'\n');
        self.bytes(&line)
    }

    /// A line that is laid out already.
    fn bytes(&mut self, line: &[u8]) -> Result<(), SinkError> {
        self.file.write_all(line).map_err(|error| SinkError::io("write", &self.path, error))?;
        self.rows += 1;
        Ok(())
    }

    fn finish(self) -> Result<(Whole, PartFile), SinkError> {
        let whole = self.file.finish().map_err(|error| SinkError::io("write", &self.path, error))?;
        let file = PartFile {
            table: self.name.to_owned(),
            period: None,
            file: format!("{}.ndjson", self.name),
            rows: self.rows,
            bytes: whole.written.bytes,
            sha256: whole.written.sha256.clone(),
            digest: String::new(),
        };
        Ok((whole, file))
    }
}
