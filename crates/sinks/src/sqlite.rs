//! Tables in one SQLite file: the sink for whoever wants the archive as a database to carry about.
//!
//! The file is written beside its place under its partial name, a transaction for each part, and renamed when it is whole: a reader
//! finds the export before or the new one. A run that adds what changed begins with a copy of the file. Tables are `STRICT`, with
//! their keys, and with indexes by the people and conversations that rows belong to. Writing a million messages of a few hundred bytes
//! takes seconds; the processor is the limit, then the disk.

mod erase;
mod error;
mod file;
mod months;
mod place;
mod read;
mod rows;

use std::path::{Path, PathBuf};

use model::{Millis, OrgId};
use store::export_runs::ExportMode;
use store::tables::Batch;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::SinkError;
use crate::blocking::joined;
use crate::sink::{Doing, Erased, Layout, Part, PartFile, Period, Plan, Sink, Subject};
pub use crate::sqlite::error::SqliteError;
use crate::sqlite::file::{Noted, Open, Parts};
use crate::sqlite::place::Place;
pub(crate) use crate::sqlite::read::read;
use crate::sqlite::rows::{Replaces, Step};

/// Pages that wait while one is written.
const PAGES_WAITING_MAX: usize = 2;

/// A file that tables are written into.
#[derive(Debug)]
pub struct SqliteSink {
    path: PathBuf,
    run: Option<Run>,
}

/// A run that has been let in.
#[derive(Debug)]
struct Run {
    plan: Plan,
    place: Place,
    /// The parts that the file has, those of earlier runs included.
    parts: Parts,
    work: Work,
}

/// Who has the file open.
#[derive(Debug)]
enum Work {
    /// Nobody: the run waits for its next part, or for its commit.
    Idle(Open),
    /// The task that writes a part.
    Writing(Writing),
    /// A step failed: the run is over.
    Over,
}

/// The part that is being written.
#[derive(Debug)]
struct Writing {
    part: Part,
    pages: mpsc::Sender<Step>,
    writer: JoinHandle<Result<(Open, Noted), SinkError>>,
}

impl SqliteSink {
    /// Tables into this file, which is looked at by [`Sink::check`] and not before.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, run: None }
    }

    /// Remove what a run of the organization that was given up has begun.
    ///
    /// # Errors
    /// Those of the file system; `Busy` while another process writes there.
    pub async fn clear(&mut self, org: OrgId) -> Result<(), SinkError> {
        self.give_up().await;
        Place::claim(&self.path, org).await?.clear()
    }

    /// End a run; its parts that are whole stay, for the next that goes on.
    pub(crate) async fn give_up(&mut self) {
        if let Some(Work::Writing(Writing { pages, writer, .. })) = self.run.take().map(|run| run.work) {
            drop(pages);
            let _ = writer.await;
        }
    }

    fn running(&mut self) -> &mut Run {
        self.run.as_mut().expect("a run is checked before it begins")
    }
}

impl Sink for SqliteSink {
    fn layout(&self) -> Layout {
        Layout::Months
    }

    fn check<'a>(&'a mut self, plan: &'a Plan) -> Doing<'a, ()> {
        Box::pin(async move {
            self.give_up().await;
            let place = Place::claim(&self.path, plan.org).await?;
            let (file, parts) = if plan.recorded.is_empty() {
                begin(&place, plan).await?
            } else {
                take_up(&place, plan).await?
            };
            self.run = Some(Run { plan: plan.clone(), place, parts, work: Work::Idle(file) });
            Ok(())
        })
    }

    fn begin<'a>(&'a mut self, part: &'a Part) -> Doing<'a, ()> {
        Box::pin(async move {
            let run = self.running();
            let Work::Idle(file) = std::mem::replace(&mut run.work, Work::Over) else {
                return Err(SinkError::WriterStopped { step: part.table.name });
            };
            let earlier = run.plan.mode == ExportMode::Incremental || run.parts.contains_key(&key(part));
            let replaces = if earlier { Replaces::Earlier } else { Replaces::Nothing };
            let (pages, receiver) = mpsc::channel(PAGES_WAITING_MAX);
            let writer = tokio::spawn(rows::part(file, (*part, run.plan.run.clone()), replaces, receiver));
            run.work = Work::Writing(Writing { part: *part, pages, writer });
            Ok(())
        })
    }

    fn write(&mut self, batch: Batch) -> Doing<'_, ()> {
        Box::pin(async move {
            let run = self.running();
            let Work::Writing(writing) = &run.work else { panic!("rows come after their part was begun") };
            if writing.pages.send(Step::Rows(batch)).await.is_ok() {
                return Ok(());
            }
            // A task that has gone has failed, and says why itself.
            let writing = run.take_writing();
            let step = writing.part.table.name;
            Err(joined(step, writing.writer).await.err().unwrap_or(SinkError::WriterStopped { step }))
        })
    }

    fn commit_part(&mut self) -> Doing<'_, PartFile> {
        Box::pin(async move {
            let run = self.running();
            let Writing { part, pages, writer } = run.take_writing();
            let _ = pages.send(Step::End).await;
            let (file, noted) = joined(part.table.name, writer).await?;
            run.work = Work::Idle(file);
            let entry = PartFile {
                table: part.table.name.to_owned(),
                period: (part.period != Period::All).then(|| part.period.to_string()),
                file: part.table.name.to_owned(),
                rows: noted.rows.cast_unsigned(),
                ..PartFile::default()
            };
            run.parts.insert(key(&part), noted);
            Ok(entry)
        })
    }

    fn commit(&mut self, finished_at: Millis) -> Doing<'_, ()> {
        Box::pin(async move {
            let mut run = self.run.take().expect("a run is checked before it is committed");
            let Work::Idle(file) = std::mem::replace(&mut run.work, Work::Over) else {
                return Err(SinkError::WriterStopped { step: "commit" });
            };
            file.end(&run.plan.tables, finished_at).await?;
            joined("commit", tokio::task::spawn_blocking(move || run.place.commit())).await
        })
    }

    fn erase<'a>(&'a mut self, subject: &'a Subject) -> Doing<'a, Erased> {
        Box::pin(async move {
            // A run of this sink that has ended holds the place until then.
            self.give_up().await;
            erase::erase(&self.path, subject).await
        })
    }
}

impl Run {
    fn take_writing(&mut self) -> Writing {
        match std::mem::replace(&mut self.work, Work::Over) {
            Work::Writing(writing) => writing,
            Work::Idle(_) | Work::Over => panic!("a part is begun before it is written and committed"),
        }
    }
}

/// A file of this run, empty, or with what the export before left.
async fn begin(place: &Place, plan: &Plan) -> Result<(Open, Parts), SinkError> {
    if plan.mode == ExportMode::Incremental && !place.has_export {
        return Err(SqliteError::NothingToAddTo { path: place.path().to_path_buf() }.into());
    }
    place.clear()?;
    let mut file;
    match plan.mode {
        ExportMode::Full => {
            file = Open::write(&place.partial()).await?;
            file.make(&plan.tables).await?;
        }
        ExportMode::Incremental => {
            place.copy()?;
            file = Open::write(&place.partial()).await?;
            file.keep_months().await?;
        }
    }
    file.begin(plan).await?;
    let parts = file.parts().await?;
    Ok((file, parts))
}

/// What an earlier process left of this run: the parts that were recorded stay, others of the run go.
async fn take_up(place: &Place, plan: &Plan) -> Result<(Open, Parts), SinkError> {
    let lost = |part: &PartFile| SinkError::PartLost { file: part.file.clone() };
    if !place.partial().exists() {
        return Err(lost(&plan.recorded[0]));
    }
    let mut file = Open::write(&place.partial()).await?;
    if file.run_id().await?.as_ref() != Some(&plan.run.0) {
        return Err(lost(&plan.recorded[0]));
    }
    let mut parts = file.parts().await?;
    let mut strays = parts.clone();
    strays.retain(|_, noted| noted.run == plan.run.0);
    for part in &plan.recorded {
        let period = part.period.clone().unwrap_or_else(|| Period::All.to_string());
        let noted = strays.remove(&(part.table.clone(), period));
        if noted.is_none_or(|noted| noted.rows != part.rows.cast_signed()) {
            return Err(lost(part));
        }
    }
    for key in strays.into_keys() {
        if let Some(part) = Part::named(&key.0, &key.1) {
            file.run("write to", "BEGIN IMMEDIATE").await?;
            file.remove(&part).await?;
            file.run("write to", "COMMIT").await?;
        }
        parts.remove(&key);
    }
    Ok((file, parts))
}

/// Which run of the organization the file holds, whole; `None` where there is none.
pub(crate) async fn run_of(path: &Path, org: OrgId) -> Result<Option<String>, SinkError> {
    if !place::look(path, org).await? {
        return Ok(None);
    }
    let mut file = Open::read(path).await?;
    Ok(file.run_id().await?)
}

fn key(part: &Part) -> (String, String) {
    (part.table.name.to_owned(), part.period.to_string())
}
