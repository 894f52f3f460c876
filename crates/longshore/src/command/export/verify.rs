//! `longshore export verify`: an export that was made, held against its manifest, its signature and the archive.

use std::path::{Path, PathBuf};

use sinks::SinkError;
use sinks::copy::Source;
use sinks::mask::Mask;
use sinks::proof::{self, Difference, Verification};
use store::audit::{self, PublicKey, parse_public_key};
use store::export_runs;

use super::write::mask_key;
use super::{failed, named, objects};
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, table};
use crate::summary::number;

/// Check that an export is what was written, and what the archive has
///
/// Every file is read anew: its bytes against the hash of the manifest, its rows against the archive's of now, the manifest against its
/// signature. What differs is named. The exit code tells whether everything holds (0) or not (3).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which run; the newest that has ended with a manifest by default
    #[arg(conflicts_with = "offline")]
    run: Option<String>,
    /// Check the export in this folder without a database: not against the archive
    #[arg(long, value_name = "DIR")]
    offline: Option<PathBuf>,
    /// Believe this key alone, of 64 hexadecimal digits, instead of the one that the manifest names
    #[arg(long, value_name = "KEY", requires = "offline")]
    public_key: Option<String>,
    #[command(flatten)]
    store: objects::Args,
}

/// Verify.
pub(super) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let found = match &args.offline {
        Some(dir) => offline(dir, args.public_key.as_deref()).await?,
        None => stored(app, args.run.as_deref(), &args.store).await?,
    };
    let exit = if found.verified { Exit::Done } else { Exit::Incomplete };
    app.output.report(exit, &found, &text(&found))
}

async fn offline(dir: &Path, key: Option<&str>) -> Result<Verification, Failure> {
    let refused = || Failure::usage("--public-key is no key").hint("a public key has 64 hexadecimal digits");
    let key = key.map(|digits| parse_public_key(digits).ok_or_else(refused)).transpose()?;
    Ok(proof::offline(dir, key).await?)
}

async fn stored(app: &App, run: Option<&str>, store: &objects::Args) -> Result<Verification, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let sealed = match run {
        Some(_) => None,
        None => export_runs::last_sealed(&db, org).await.map_err(|error| failed(app, &error))?,
    };
    let run = match sealed {
        Some(sealed) => sealed,
        None => named(app, &db, org, run).await?,
    };
    if run.manifest.is_none() {
        return Err(SinkError::NotVerifiable { run: run.export_run_id.0 }.into());
    }
    let options = objects::options_of(app, &run, store)?;
    let keys = audit::public_keys(&db).await.map_err(|error| failed(app, &error))?;
    let keys: Vec<PublicKey> = keys.into_iter().filter_map(|key| key.try_into().ok()).collect();
    let mask_key = mask_key(app, &db, org, options.selection.mask).await?;
    let mask = Mask::new(options.selection.mask, mask_key.as_ref())?;
    let source = Source { db: &db, org, selection: Some(&options.selection), mask };
    let found = proof::verify(source, &run, &options.destination, &keys).await?;
    db.close().await;
    Ok(found)
}

fn text(found: &Verification) -> String {
    let mut text = format!(
        "run {} at {}\n{} parts with {} rows and {} files read; the signature is {}\n",
        found.run_id,
        found.destination,
        number(found.parts),
        number(found.rows),
        number(found.files),
        found.signature
    );
    for damage in &found.damaged {
        text += &format!("{damage}\n");
    }
    if !found.differing.is_empty() {
        let columns = [
            Column::Text("table"),
            Column::Text("month"),
            Column::Number("missing"),
            Column::Number("extra"),
            Column::Number("changed"),
        ];
        let row = |it: &Difference| {
            let period = it.period.clone().unwrap_or_else(|| "all".to_owned());
            vec![it.table.clone(), period, number(it.missing), number(it.extra), number(it.changed)]
        };
        text += "\n";
        text += &table(&columns, found.differing.iter().map(row).collect());
        text += "\n";
    }
    text += if found.verified { "verified\n" } else { "NOT verified\n" };
    text
}
