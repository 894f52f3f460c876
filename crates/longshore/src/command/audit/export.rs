//! `longshore audit export`: the log as a file of lines that can be checked without the database.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use serde::Serialize;
use store::Db;
use store::audit::{self, Action, AuditError, Exported, NewEntry, Object, ObjectKind, Range};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::summary::number;
use crate::who;

/// Write the log, with its checkpoints, as a file of lines
///
/// "longshore audit verify --file" checks it anywhere. Sign first ("longshore audit checkpoint"), so that the checkpoints
/// vouch for all of it. The export itself becomes an entry.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Only the entries after the one of this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    after: i64,
    /// Only the entries up to the one of this number
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(0..))]
    through: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    exported: Exported,
    file: PathBuf,
}

/// Export.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    if args.through.is_some_and(|through| through < args.after) {
        return Err(Failure::usage("--through lies before --after"));
    }
    let failed = |error: AuditError| Failure::audit("export the audit log of", &app.config.database, &error);
    let db = database::open(app, Missing::Refuse).await?;
    note(app, &db).await.map_err(failed)?;
    let range = Range { after_seq: args.after, through_seq: args.through };
    let exported = write(app, &db, range, &args.to).await.map_err(failed)?;
    db.close().await;
    let report = Report { exported, file: args.to };
    app.output.report(Exit::Done, &report, &text(&report))
}

async fn note(app: &App, db: &Db) -> Result<(), AuditError> {
    let mut tx = db.begin().await?;
    let who = who::command();
    let log = Object::new(ObjectKind::AuditLog, "");
    audit::append(&mut tx, &NewEntry::done(app.clock.now(), &who, Action::AuditExport, log))?;
    Ok(tx.commit().await?)
}

/// Write a part of the log into a file beside, and give it its name once it is whole.
pub(crate) async fn write(app: &App, db: &Db, range: Range, to: &Path) -> Result<Exported, AuditError> {
    let failed = |source| AuditError::File { path: to.to_owned(), source };
    let mut beside = to.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let mut out = BufWriter::new(File::create(&beside).map_err(failed)?);
    let exported = audit::export(db, range, app.clock.now(), (to, &mut out)).await;
    let named = exported.and_then(|exported| {
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().and_then(|()| std::fs::rename(&beside, to)).map_err(failed)?;
        Ok(exported)
    });
    if named.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    named
}

fn text(report: &Report) -> String {
    let Exported { entries, checkpoints, last_seq } = report.exported;
    format!(
        "{} entries up to {last_seq} and {} checkpoints written to {}\n",
        number(entries.unsigned_abs()),
        number(checkpoints.unsigned_abs()),
        report.file.display()
    )
}
