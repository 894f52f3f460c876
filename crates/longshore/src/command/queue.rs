//! `longshore queue`: the jobs that wait, run or died; and what is paused on purpose.

use model::{JobId, Millis, OrgId};
use serde::Serialize;
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::pauses::{self, Scope};
use store::queue::{self, DeadSelection, JobState, ListedJob, Which};
use store::replay::Selection;
use store::status::{self, Jobs, Pause};
use store::{Db, StoreError};

use super::replay;
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, grouped, instant, table};
use crate::when::{self, When};
use crate::who;

/// Show the queue of jobs, and set what died or is to wait
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the jobs that wait or run, in the order in which they are due
    List(List),
    /// Count the jobs of each kind and state
    Counts,
    /// List the dead letters: jobs that will not be tried again by themselves
    Dead(List),
    /// Put dead letters back on the queue
    Replay(Dead),
    /// Delete dead letters for good
    Discard(Dead),
    /// Let jobs wait until they are resumed
    Pause(PauseArgs),
    /// Let paused jobs run again
    Resume(ScopeArgs),
    /// List what is paused
    Pauses,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only jobs of this kind, such as refresh_conversation
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// How many at the most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
}

#[derive(Debug, clap::Args)]
#[group(required = true)]
struct Dead {
    /// This one
    #[arg(conflicts_with_all = ["all", "kind"])]
    job: Option<String>,
    /// Those of this kind
    #[arg(long, value_name = "KIND", conflicts_with = "all")]
    kind: Option<String>,
    /// All of the organization
    #[arg(long)]
    all: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
struct ScopeArgs {
    /// Only jobs of this kind, such as deliver
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Of every organization
    #[arg(long)]
    everyone: bool,
}

#[derive(Debug, clap::Args)]
struct PauseArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    /// Why, for whoever asks
    #[arg(long, value_name = "TEXT", default_value = "paused by hand")]
    reason: String,
    /// Until when; without it until they are resumed
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    until: Option<When>,
}

#[derive(Debug, Serialize)]
struct JobsReport {
    organization: OrgId,
    jobs: Vec<Job>,
}

#[derive(Debug, Serialize)]
struct Job {
    job_id: JobId,
    kind: String,
    key: String,
    state: &'static str,
    priority: i64,
    due_at: Millis,
    signals: i64,
    attempts: i64,
    error_class: Option<String>,
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct CountsReport {
    organization: OrgId,
    jobs: Vec<Jobs>,
}

#[derive(Debug, Serialize)]
struct PausesReport {
    pauses: Vec<Pause>,
}

#[derive(Debug, Serialize)]
struct DiscardReport {
    organization: OrgId,
    dead_letters: i64,
    discarded: bool,
}

#[derive(Debug, Serialize)]
struct SetReport {
    organization: Option<OrgId>,
    kind: Option<String>,
    paused: bool,
    until: Option<Millis>,
}

/// Show or set.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.command {
        Command::Replay(dead) => {
            let selection = match (dead.job, dead.kind) {
                (Some(job), _) => Selection::DeadLetter(JobId(job)),
                (None, kind) => Selection::Failed { kind },
            };
            replay::replay(app, &selection, dead.dry_run).await
        }
        command => {
            let db = database::open(app, Missing::Refuse).await?;
            let ended = match command {
                Command::List(list) => jobs(app, &db, &[JobState::Running, JobState::Waiting], list).await,
                Command::Dead(list) => jobs(app, &db, &[JobState::Dead], list).await,
                Command::Counts => counts(app, &db).await,
                Command::Discard(dead) => discard(app, &db, dead).await,
                Command::Pause(pause) => set_pause(app, &db, pause).await,
                Command::Resume(scope) => resume(app, &db, scope).await,
                Command::Pauses | Command::Replay(_) => list_pauses(app, &db).await,
            };
            db.close().await;
            ended
        }
    }
}

fn failed(app: &App, doing: &str) -> impl Fn(StoreError) -> Failure {
    move |error| Failure::store(&format!("{doing} of"), &app.config.database, &error)
}

async fn jobs(app: &App, db: &Db, states: &[JobState], list: List) -> Result<Exit, Failure> {
    let organization = database::organization(app, db).await?;
    let mut jobs = Vec::new();
    for state in states {
        let which = Which { kind: list.kind.clone(), ..Which::all(*state) };
        let found = queue::list(db, organization, &which, list.limit).await;
        let found = found.map_err(failed(app, "read the jobs"))?;
        jobs.extend(found.into_iter().map(|job| told(job, *state)));
    }
    jobs.truncate(usize::try_from(list.limit).unwrap_or(usize::MAX));
    let report = JobsReport { organization, jobs };
    app.output.report(Exit::Done, &report, &jobs_text(&report))
}

fn told(job: ListedJob, state: JobState) -> Job {
    Job {
        job_id: job.job_id,
        kind: job.kind,
        key: job.key,
        state: state.as_str(),
        priority: job.priority,
        due_at: job.due_at,
        signals: job.signals,
        attempts: job.attempts,
        error_class: job.error_class,
        error: job.error,
    }
}

fn jobs_text(report: &JobsReport) -> String {
    let columns = [
        Column::Text("job"),
        Column::Text("kind"),
        Column::Text("key"),
        Column::Text("state"),
        Column::Text("due"),
        Column::Number("signals"),
        Column::Number("attempts"),
        Column::Text("last error"),
    ];
    let rows = report.jobs.iter().map(|job| {
        vec![
            job.job_id.0.clone(),
            job.kind.clone(),
            job.key.clone(),
            job.state.into(),
            instant(job.due_at.0),
            grouped(job.signals),
            grouped(job.attempts),
            job.error.clone().unwrap_or_default(),
        ]
    });
    let text = table(&columns, rows.collect());
    if text.is_empty() { format!("organization {} has none\n", report.organization) } else { text }
}

async fn counts(app: &App, db: &Db) -> Result<Exit, Failure> {
    let organization = database::organization(app, db).await?;
    let all = queue::counts(db).await.map_err(failed(app, "count the jobs"))?;
    let jobs = all.into_iter().filter(|count| count.org == organization).map(Jobs::from).collect();
    let report = CountsReport { organization, jobs };
    app.output.report(Exit::Done, &report, &super::status::jobs_text(&report.jobs))
}

async fn discard(app: &App, db: &Db, dead: Dead) -> Result<Exit, Failure> {
    let organization = database::organization(app, db).await?;
    let job = dead.job.map(JobId);
    let which = Which { kind: dead.kind.clone(), job: job.clone(), ..Which::all(JobState::Dead) };
    let doing = failed(app, "discard dead letters");
    let dead_letters = queue::count(db, organization, &which).await.map_err(&doing)?;
    if !dead.dry_run {
        let selection = match (job, dead.kind) {
            (Some(job), _) => DeadSelection::One(organization, job),
            (None, Some(kind)) => DeadSelection::Kind(organization, kind),
            (None, None) => DeadSelection::All(organization),
        };
        let mut tx = db.begin().await.map_err(&doing)?;
        let gone = queue::discard_dead(&mut tx, &selection).await.map_err(&doing)?;
        let (who, object) = (who::command(), Object::new(ObjectKind::Job, discarded(&selection)));
        let entry =
            NewEntry::done(app.clock.now(), &who, Action::DeadLetterDiscard, object).org(organization);
        audit::append(&mut tx, &entry.amount(gone.cast_signed())).map_err(&doing)?;
        tx.commit().await.map_err(&doing)?;
    }
    let report = DiscardReport { organization, dead_letters, discarded: !dead.dry_run };
    let word = if report.discarded { "discarded" } else { "would discard" };
    app.output.report(Exit::Done, &report, &format!("{word} {dead_letters} dead letters\n"))
}

/// Dead letters in the audit log: one by its id, those of a kind by that.
fn discarded(selection: &DeadSelection) -> &str {
    match selection {
        DeadSelection::One(_, job) => &job.0,
        DeadSelection::Kind(_, kind) => kind,
        DeadSelection::All(_) => "",
    }
}

/// What the audit log is told of a pause.
fn paused<'a>(now: Millis, who: &'a Who, action: Action, scope: &'a Scope) -> NewEntry<'a> {
    let object = Object::new(ObjectKind::Job, scope.kind.as_deref().unwrap_or_default());
    NewEntry { org: scope.org, ..NewEntry::done(now, who, action, object) }
}

async fn scope(app: &App, db: &Db, args: ScopeArgs) -> Result<Scope, Failure> {
    let org = if args.everyone { None } else { Some(database::organization(app, db).await?) };
    Ok(Scope { org, kind: args.kind })
}

async fn set_pause(app: &App, db: &Db, args: PauseArgs) -> Result<Exit, Failure> {
    let now = app.clock.now();
    let until = args.until.map(|until| until.instant(now));
    if until.is_some_and(|until| until <= now) {
        return Err(Failure::usage("--until has passed").hint("give an instant that lies ahead"));
    }
    let scope = scope(app, db, args.scope).await?;
    let pause = pauses::Pause { scope: scope.clone(), reason: args.reason, since: now, until };
    let doing = failed(app, "pause jobs");
    let mut tx = db.begin().await.map_err(&doing)?;
    pauses::pause(&mut tx, &pause).await.map_err(&doing)?;
    audit::append(&mut tx, &paused(now, &who::command(), Action::PauseSet, &scope)).map_err(&doing)?;
    tx.commit().await.map_err(&doing)?;
    let report = SetReport { organization: scope.org, kind: scope.kind.clone(), paused: true, until };
    let until =
        until.map_or_else(|| "until they are resumed".into(), |at| format!("until {}", instant(at.0)));
    app.output.report(Exit::Done, &report, &format!("{} wait {until}\n", scope_text(&scope)))
}

async fn resume(app: &App, db: &Db, args: ScopeArgs) -> Result<Exit, Failure> {
    let scope = scope(app, db, args).await?;
    let doing = failed(app, "resume jobs");
    let mut tx = db.begin().await.map_err(&doing)?;
    let was = pauses::resume(&mut tx, &scope).await.map_err(&doing)?;
    if was {
        let (now, who) = (app.clock.now(), who::command());
        audit::append(&mut tx, &paused(now, &who, Action::PauseEnd, &scope)).map_err(&doing)?;
    }
    tx.commit().await.map_err(&doing)?;
    let report = SetReport { organization: scope.org, kind: scope.kind.clone(), paused: false, until: None };
    let text = if was { "run again" } else { "were not paused" };
    app.output.report(Exit::Done, &report, &format!("{} {text}\n", scope_text(&scope)))
}

fn scope_text(scope: &Scope) -> String {
    let what = scope.kind.as_ref().map_or_else(|| "all jobs".into(), |kind| format!("jobs of {kind}"));
    let whose = scope.org.map_or_else(|| "every organization".into(), |org| format!("organization {org}"));
    format!("{what} of {whose}")
}

async fn list_pauses(app: &App, db: &Db) -> Result<Exit, Failure> {
    let pauses = status::pauses_of(db, app.config.org, app.clock.now()).await;
    let report = PausesReport { pauses: pauses.map_err(failed(app, "read the pauses"))? };
    let text = super::status::pauses_text(&report.pauses);
    let text = if text.is_empty() { "nothing is paused\n".into() } else { text };
    app.output.report(Exit::Done, &report, &text)
}
