//! `longshore audit verify`: is the log whole, and is it the one that was signed. Offline: a database or a file is enough.

use std::path::PathBuf;

use serde::Serialize;
use store::Db;
use store::audit::{self, AuditError, Verified, Witnesses};

use crate::app::App;
use crate::bundle;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::summary::{number, seconds};

/// Check the log, entry for entry, against itself and every checkpoint
///
/// Names the first bad entry. The exit code is 0 when the log is whole, else 3.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Check this file of "longshore audit export" instead of the database
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Check this folder of "longshore incident": its files against its manifest, and its part of the log
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    bundle: Option<PathBuf>,
    /// The second place's checkpoints; without it audit_checkpoint_file
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    /// Believe only checkpoints of this key (64 hexadecimal digits), as "longshore audit checkpoint" printed it
    #[arg(long, value_name = "KEY", value_parser = public_key)]
    public_key: Option<[u8; 32]>,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    verified: bool,
    /// What is wrong, beginning with the first bad entry.
    fault: Option<String>,
    first_bad_entry: Option<i64>,
    entries: i64,
    last_entry: i64,
    /// The last entry that a checkpoint vouches for; 0 for none.
    signed_entry: i64,
    checkpoints: usize,
    second_place: Option<PathBuf>,
    /// The keys whose checkpoints were believed.
    public_keys: Vec<String>,
    /// Whether the vault was at hand, and holds the private half of every key.
    keys_checked: bool,
    /// Of a file: the last entry that checkpoints of later know of.
    later_entry: Option<i64>,
    seconds: f64,
}

/// Check.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let began = app.clock.now();
    let second = second_place(app, &args);
    let mut report = Report { second_place: second, ..Report::default() };
    if let Some(folder) = &args.bundle {
        report.fault = bundle::check(folder, args.public_key).err();
    }
    let file = args.file.clone().or_else(|| Some(args.bundle.as_ref()?.join(bundle::AUDIT)));
    let checked = match (&report.fault, &file) {
        (Some(_), _) => {
            report.seconds = seconds(app.clock.now().since(began));
            return app.output.report(Exit::Incomplete, &report, &text(&report));
        }
        (None, Some(file)) => check_file(&args, file, &mut report),
        (None, None) => check_database(app, &args, &mut report).await?,
    };
    match checked {
        Ok(verified) => {
            report.verified = true;
            report.entries = verified.entries;
            report.last_entry = verified.last_seq;
            report.signed_entry = verified.signed_seq;
            report.checkpoints = verified.checkpoints;
        }
        Err(AuditError::Fault(fault)) => {
            report.first_bad_entry = fault.seq();
            report.fault = Some(fault.to_string());
        }
        Err(error) => return Err(Failure::audit("check the audit log of", &app.config.database, &error)),
    }
    report.seconds = seconds(app.clock.now().since(began));
    let exit = if report.verified { Exit::Done } else { Exit::Incomplete };
    app.output.report(exit, &report, &text(&report))
}

/// The file that was named; else the one of the settings, once there is one.
fn second_place(app: &App, args: &Args) -> Option<PathBuf> {
    let named = args.checkpoints.clone();
    named.or_else(|| {
        let set = app.config.audit_checkpoint_file.clone()?;
        if set.exists() {
            return Some(set);
        }
        app.output
            .note(&format!("{} is not there: only the database's own checkpoints are heard", set.display()));
        None
    })
}

fn check_file(args: &Args, file: &std::path::Path, report: &mut Report) -> Result<Verified, AuditError> {
    let found = audit::verify_file(file, report.second_place.as_deref(), args.public_key)?;
    report.public_keys = found.trusted.iter().map(hex::encode).collect();
    report.later_entry = found.later_seq;
    Ok(found.verified)
}

async fn check_database(
    app: &App,
    args: &Args,
    report: &mut Report,
) -> Result<Result<Verified, AuditError>, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    report.keys_checked = check_keys(app, &db).await?;
    let checked = async {
        let mut witnesses = Witnesses::of(&db, args.public_key).await?;
        report.public_keys = witnesses.trusted().iter().map(hex::encode).collect();
        if let Some(second) = &report.second_place {
            audit::read_second_place(second, &mut witnesses)?;
        }
        audit::verify(&db, witnesses).await
    };
    let checked = checked.await;
    db.close().await;
    Ok(checked)
}

/// Hold the stored public keys against the vault, if its key is at hand: none is made here.
async fn check_keys(app: &App, db: &Db) -> Result<bool, Failure> {
    if app.config.key.is_none() && !app.config.key_file.exists() {
        return Ok(false);
    }
    let vault = database::vault(app, db).await?;
    let checked = audit::check_keys(db, &vault).await;
    checked.map(|_| true).map_err(|error| {
        Failure::store("open the keys that sign the audit log of", &app.config.database, &error)
    })
}

fn public_key(text: &str) -> Result<[u8; 32], String> {
    audit::parse_public_key(text).ok_or_else(|| "expected 64 hexadecimal digits".into())
}

fn text(report: &Report) -> String {
    if let Some(fault) = &report.fault {
        return format!("NOT whole: {fault}\n");
    }
    let mut text = format!(
        "Whole: {} entries up to {}, {} checkpoints",
        number(report.entries.unsigned_abs()),
        report.last_entry,
        report.checkpoints
    );
    text += &match report.last_entry - report.signed_entry {
        0 => ", all of it signed\n".to_owned(),
        _ if report.signed_entry == 0 => ", none of it signed\n".to_owned(),
        open => format!(", the last {open} not signed yet\n"),
    };
    for key in &report.public_keys {
        text += &format!("signed by {key}\n");
    }
    if let Some(later) = report.later_entry {
        text += &format!("the log went on after the file was written, to entry {later} at least\n");
    }
    text
}
