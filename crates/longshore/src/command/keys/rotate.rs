//! `longshore keys rotate`: change to a new key while everything runs.

use model::OrgId;
use serde::Serialize;
use store::vault::{Chosen, ROTATE_BATCH, ROTATE_BATCH_MAX, RotateOptions, Rotation, Vault};
use store::{Db, StoreError, exclusive};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::grouped;
use crate::who;

/// The work that only one process does at a time.
const WORK: &str = "keys";
/// How often a step that lost against another transaction is tried again.
const TRIES_MAX: u32 = 5;

/// Change to a new key while everything runs, and retire the old one
///
/// In small transactions; stopped or killed at any moment, the same command goes on. Nodes that run read the new key when
/// they meet it. Where machines have key files of their own, begin with --prepare and give each the file that results.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only add the new key to the key file: nothing uses it until this is run again without the flag
    #[arg(long, conflicts_with = "data_keys")]
    prepare: bool,
    /// Make new data keys too, and seal every secret anew
    #[arg(long)]
    data_keys: bool,
    /// Rows in one transaction
    #[arg(long, value_name = "ROWS", default_value_t = ROTATE_BATCH, value_parser = clap::value_parser!(u32).range(1..=i64::from(ROTATE_BATCH_MAX)))]
    batch: u32,
}

#[derive(Debug, Serialize)]
struct Report {
    from: String,
    to: String,
    /// Where keys are read.
    source: String,
    /// Whether the new key is in use.
    rotated: bool,
    /// Whether an earlier change was gone on with.
    resumed: bool,
    data_keys_wrapped: u64,
    data_keys_renewed: u64,
    secrets_sealed: u64,
    events_sealed: u64,
    damaged: u64,
    /// Retired keys that must be taken out of their place by hand.
    remove_by_hand: Vec<String>,
}

/// Rotate.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let vault = database::vault(app, &db).await?;
    let failed = |error: StoreError| super::failed(app, &error);
    let Some(hold) = exclusive::hold(&db, OrgId(0), WORK).await.map_err(failed)? else {
        return Err(Failure::new(Exit::Refused, "the keys are being changed by another process")
            .hint("wait until it has ended"));
    };
    let done =
        if args.prepare { prepare(app, &db, &vault).await } else { rotate(app, &db, &vault, &args).await };
    hold.release().await.map_err(failed)?;
    db.close().await;
    match done.map_err(failed)? {
        Some(report) => app.output.report(Exit::Done, &report, &text(&report)),
        None => Err(Failure::interrupted("stopped in the middle of the change: both keys are needed")
            .hint("run the same command again: it goes on")),
    }
}

async fn prepare(app: &App, db: &Db, vault: &Vault) -> Result<Option<Report>, StoreError> {
    let chosen = Rotation::prepare(db, vault, &who::command(), app.clock.now()).await?;
    Ok(Some(report(&chosen, vault)))
}

/// `None` when somebody asked to stop.
async fn rotate(app: &App, db: &Db, vault: &Vault, args: &Args) -> Result<Option<Report>, StoreError> {
    let options = RotateOptions { batch: args.batch, data_keys: args.data_keys };
    let mut rotation = Rotation::begin(db, vault, options, &who::command(), app.clock.now()).await?;
    let stop = app.interrupt.stop();
    let mut tries = 0;
    loop {
        match rotation.step(db, vault, app.clock.now()).await {
            Ok(true) if stop.is_set() => return Ok(None),
            Ok(true) => tries = 0,
            Ok(false) => break,
            Err(StoreError::Contention | StoreError::Locked) if tries < TRIES_MAX => tries += 1,
            Err(error) => return Err(error),
        }
    }
    let done = rotation.done();
    Ok(Some(Report {
        rotated: true,
        data_keys_wrapped: done.wrapped,
        data_keys_renewed: done.renewed,
        secrets_sealed: done.secrets,
        events_sealed: done.events,
        damaged: done.damaged,
        remove_by_hand: rotation.by_hand().iter().map(ToString::to_string).collect(),
        ..report(rotation.chosen(), vault)
    }))
}

fn report(chosen: &Chosen, vault: &Vault) -> Report {
    Report {
        from: chosen.from.to_string(),
        to: chosen.to.to_string(),
        source: vault.name(),
        rotated: false,
        resumed: chosen.resumed,
        data_keys_wrapped: 0,
        data_keys_renewed: 0,
        secrets_sealed: 0,
        events_sealed: 0,
        damaged: 0,
        remove_by_hand: Vec::new(),
    }
}

fn text(report: &Report) -> String {
    let Report { from, to, source, .. } = report;
    if !report.rotated {
        return format!(
            "key {to} stands beside {from} in {source}\n\
             nothing uses it yet: give every node both keys, then run \"longshore keys rotate\"\n"
        );
    }
    let mut text = format!(
        "key {to} took the place of {from} in {source}\n\
         {} data keys wrapped anew, {} renewed; {} secrets and {} events sealed anew\n",
        grouped(count(report.data_keys_wrapped)),
        grouped(count(report.data_keys_renewed)),
        grouped(count(report.secrets_sealed)),
        grouped(count(report.events_sealed)),
    );
    if report.damaged > 0 {
        text += &format!(
            "{} did not open before either, and were left as they are\n",
            grouped(count(report.damaged))
        );
    }
    match report.remove_by_hand.as_slice() {
        [] => {
            text += &format!(
                "key {from} is retired and gone from there; only older copies of the database need it\n"
            )
        }
        keys => text += &format!("retired, and to be taken out of {source} by hand: {}\n", keys.join(", ")),
    }
    text
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
