//! Tables in a PostgreSQL database of the user's: the sink of warehouses that speak it.
//!
//! Data flows from pages into `COPY`, in its binary form, to staging tables beside the user's, and at the end, within the server and in
//! one transaction, into the tables themselves. It knows the user's schema and nothing of the store's. A million messages
//! of a few hundred bytes are some 400 MB on the wire and take seconds; the server is the limit, not the reading.
//!
//! Types are those of `store::tables::ddl`. JSON is `TEXT` and not `jsonb`, which would lose digits, repeated keys and their
//! order, and which refuses some of what Drift sends; whoever queries it casts. Instants are `BIGINT`: Unix milliseconds, as everywhere
//! in the published schema.

mod address;
mod binary;
mod book;
mod copy;
mod erase;
mod error;
mod fit;
mod merge;
mod read;
mod session;
mod staging;
mod statements;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use model::{Clock, Millis, OrgId};
use store::export_runs::ExportMode;
use store::tables::{Batch, Table};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::SinkError;
use crate::blocking::joined;
pub use crate::postgres::address::{PostgresAddress, SCHEMA};
use crate::postgres::copy::Step;
pub use crate::postgres::error::PostgresError;
use crate::postgres::fit::Found;
pub(crate) use crate::postgres::read::read;
use crate::postgres::session::Session;
use crate::postgres::staging::{Staging, Written};
use crate::sink::{Doing, Erased, Layout, Part, PartFile, Period, Plan, Sink, Subject};

/// Pages that wait while the server takes one.
const PAGES_WAITING_MAX: usize = 2;

/// A schema that tables are written into.
pub struct PostgresSink {
    address: PostgresAddress,
    clock: Arc<dyn Clock>,
    run: Option<Run>,
}

/// A run that has been let in.
struct Run {
    plan: Plan,
    staging: Staging,
    /// Which of the tables there are.
    found: Found,
    work: Work,
}

/// Who has the connection.
enum Work {
    /// Nobody: the run waits for its next part, or for its commit.
    Idle(Session),
    /// The task that copies a part.
    Copying(Open),
    /// A step failed: the run is over.
    Over,
}

/// The part that is being written.
struct Open {
    part: Part,
    pages: mpsc::Sender<Step>,
    writer: JoinHandle<Result<(Session, Written), SinkError>>,
}

impl PostgresSink {
    /// Tables into this schema, which is looked at by [`Sink::check`] and not before.
    #[must_use]
    pub fn new(address: PostgresAddress, clock: Arc<dyn Clock>) -> Self {
        Self { address, clock, run: None }
    }

    /// Remove what a run of the organization that was given up has begun.
    ///
    /// # Errors
    /// Those of the server; `Busy` while another process writes there.
    pub async fn clear(&mut self, org: OrgId) -> Result<(), SinkError> {
        self.give_up().await;
        let mut session = self.open().await?;
        let schema = self.address.schema();
        let found = fit::relations(&mut session, schema).await?;
        let names = found.iter().map(|(name, ..)| name.as_str());
        let dropped = Staging::of(schema, org).drop_all(names);
        session.run("remove the staging tables", &dropped).await?;
        session.close().await;
        Ok(())
    }

    /// End a run; its parts that are whole stay, for the next that goes on.
    pub(crate) async fn give_up(&mut self) {
        match self.run.take().map(|run| run.work) {
            Some(Work::Copying(Open { pages, writer, .. })) => {
                drop(pages);
                let _ = writer.await;
            }
            Some(Work::Idle(session)) => session.close().await,
            Some(Work::Over) | None => {}
        }
    }

    async fn open(&self) -> Result<Session, PostgresError> {
        let mut session = Session::open(&self.address, self.clock.clone()).await?;
        session.claim(self.address.schema()).await?;
        Ok(session)
    }

    fn running(&mut self) -> &mut Run {
        self.run.as_mut().expect("a run is checked before it begins")
    }
}

impl fmt::Debug for PostgresSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSink").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Sink for PostgresSink {
    fn layout(&self) -> Layout {
        Layout::Months
    }

    fn check<'a>(&'a mut self, plan: &'a Plan) -> Doing<'a, ()> {
        Box::pin(async move {
            self.give_up().await;
            let mut session = self.open().await?;
            let schema = self.address.schema();
            let found = fit::look(&mut session, schema, plan).await?;
            let staging = Staging::prepare(&mut session, schema, plan, &found).await?;
            self.run = Some(Run { plan: plan.clone(), staging, found, work: Work::Idle(session) });
            Ok(())
        })
    }

    fn begin<'a>(&'a mut self, part: &'a Part) -> Doing<'a, ()> {
        Box::pin(async move {
            let run = self.running();
            let Work::Idle(session) = std::mem::replace(&mut run.work, Work::Over) else {
                return Err(SinkError::WriterStopped { step: part.table.name });
            };
            let before = run.staging.forget(part);
            let (pages, receiver) = mpsc::channel(PAGES_WAITING_MAX);
            let what = (run.staging.clone(), run.plan.run.clone(), *part);
            let writer = tokio::spawn(copy::part(session, what, before, receiver));
            run.work = Work::Copying(Open { part: *part, pages, writer });
            Ok(())
        })
    }

    fn write(&mut self, batch: Batch) -> Doing<'_, ()> {
        Box::pin(async move {
            let run = self.running();
            let Work::Copying(open) = &run.work else { panic!("rows come after their part was begun") };
            if open.pages.send(Step::Rows(batch)).await.is_ok() {
                return Ok(());
            }
            // A task that has gone has failed, and says why itself.
            let open = run.take_open();
            let step = open.part.table.name;
            Err(joined(step, open.writer).await.err().unwrap_or(SinkError::WriterStopped { step }))
        })
    }

    fn commit_part(&mut self) -> Doing<'_, PartFile> {
        Box::pin(async move {
            let schema = self.address.schema().to_owned();
            let run = self.running();
            let Open { part, pages, writer } = run.take_open();
            let _ = pages.send(Step::End).await;
            let (session, written) = joined(part.table.name, writer).await?;
            run.work = Work::Idle(session);
            run.staging.keep(&part, written);
            Ok(PartFile {
                table: part.table.name.to_owned(),
                period: (part.period != Period::All).then(|| part.period.to_string()),
                file: format!("{schema}.{}", part.table.name),
                rows: written.rows.cast_unsigned(),
                ..PartFile::default()
            })
        })
    }

    fn commit(&mut self, finished_at: Millis) -> Doing<'_, ()> {
        Box::pin(async move {
            let schema = self.address.schema().to_owned();
            let mut run = self.run.take().expect("a run is checked before it is committed");
            let Work::Idle(mut session) = std::mem::replace(&mut run.work, Work::Over) else {
                return Err(SinkError::WriterStopped { step: "commit" });
            };
            run.commit(&mut session, &schema, finished_at).await?;
            session.close().await;
            Ok(())
        })
    }

    fn erase<'a>(&'a mut self, subject: &'a Subject) -> Doing<'a, Erased> {
        Box::pin(async move {
            // A run of this sink that has ended holds the schema until then.
            self.give_up().await;
            let mut session = self.open().await?;
            let erased = erase::erase(&mut session, self.address.schema(), subject).await?;
            session.close().await;
            Ok(erased)
        })
    }
}

/// Which run of the organization the schema holds; `None` where there is none, and where a table of it is gone or was emptied.
pub(crate) async fn run_of(
    address: &PostgresAddress,
    clock: Arc<dyn Clock>,
    (org, tables): (OrgId, &[&'static Table]),
) -> Result<Option<String>, SinkError> {
    let mut session = Session::open(address, clock).await?;
    let schema = address.schema();
    let found = fit::relations(&mut session, schema).await?;
    let is_there = |name: &str| found.iter().any(|(found, ..)| found == name);
    let run = if is_there(book::BOOK) && tables.iter().all(|table| is_there(table.name)) {
        stands(&mut session, schema, (org, tables)).await?
    } else {
        None
    };
    session.close().await;
    Ok(run)
}

/// The run that was noted, as long as no table is empty that was not.
async fn stands(
    session: &mut Session,
    schema: &str,
    (org, tables): (OrgId, &[&'static Table]),
) -> Result<Option<String>, PostgresError> {
    let (staging, counts) = (Staging::of(schema, org), book::counts(session, schema, org).await?);
    for table in tables.iter().filter(|table| counts.get(table.name).is_some_and(|rows| *rows > 0)) {
        let query = statements::has_rows(&staging, table);
        if session.rows::<(bool,)>("look at the tables", &query, |query| query).await? != [(true,)] {
            return Ok(None);
        }
    }
    book::run(session, schema, org).await
}

impl Run {
    fn take_open(&mut self) -> Open {
        match std::mem::replace(&mut self.work, Work::Over) {
            Work::Copying(open) => open,
            Work::Idle(_) | Work::Over => panic!("a part is begun before it is written and committed"),
        }
    }

    /// Everything becomes visible, and the staging tables go.
    async fn commit(
        &self,
        session: &mut Session,
        schema: &str,
        finished_at: Millis,
    ) -> Result<(), PostgresError> {
        let mut counts = match self.plan.mode {
            ExportMode::Full => BTreeMap::new(),
            ExportMode::Incremental => book::counts(session, schema, self.plan.org).await?,
        };
        for (table, more) in merge::run(session, &self.staging, &self.plan, &self.found).await? {
            *counts.entry(table.to_owned()).or_default() += more;
        }
        let counts_text = serde_json::to_string(&counts).expect("counts are JSON");
        book::note(session, schema, &self.plan, (&counts_text, finished_at)).await?;
        let end = format!("DROP TABLE {};\nCOMMIT;", self.staging.notes());
        session.run("commit", &end).await?;
        self.gather_statistics(session).await;
        Ok(())
    }

    /// Have the server know the tables that are new: it plans badly until it does, and whoever reads first is the read-back. What was
    /// committed stands, whether that works or not.
    async fn gather_statistics(&self, session: &mut Session) {
        for table in self.plan.tables.iter().filter(|table| !self.found.has(table.name)) {
            let analyze = format!("ANALYZE {}", self.staging.target(table));
            if let Err(error) = session.run_long("gather statistics", &analyze).await {
                tracing::debug!("The server could not gather statistics: {error}");
            }
        }
    }
}
