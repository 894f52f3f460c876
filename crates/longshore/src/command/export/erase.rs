//! `longshore export erase`: a person's rows, removed from the copies that exports have made.

use std::collections::BTreeSet;

use model::{ContactId, ConversationId};
use serde::Serialize;
use sinks::lineage::{self, Whose};
use sinks::sink::Erased;
use sinks::{Exporter, handover, on_demand};
use store::export_runs;

use super::{failed, objects};
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, table};
use crate::signing;
use crate::summary::number;

/// Remove a conversation, or a contact with all their conversations, from every export that holds a copy
///
/// The archive itself is not changed. Files are written anew without the rows, transcripts and attachments go, and the manifest is
/// signed anew. What a handover wrote is named and left: delete it by hand. The exit code tells whether a copy is left (3).
#[derive(Debug, clap::Args)]
#[group(id = "whose", required = true, multiple = false)]
pub(super) struct Args {
    /// The conversation, by Drift's id
    #[arg(long, value_name = "ID", group = "whose")]
    conversation: Option<ConversationId>,
    /// The contact, by Drift's id
    #[arg(long, value_name = "ID", group = "whose")]
    contact: Option<ContactId>,
    #[command(flatten)]
    store: objects::Args,
}

#[derive(Debug, Serialize)]
struct Report {
    erased: Vec<Line>,
    /// Copies that are left, with why.
    left: Vec<Left>,
}

#[derive(Debug, Serialize)]
struct Line {
    run_id: String,
    destination: String,
    #[serde(flatten)]
    erased: Erased,
}

#[derive(Debug, Serialize)]
struct Left {
    destination: String,
    reason: String,
}

/// Erase.
pub(super) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let whose = match (args.conversation, args.contact) {
        (Some(id), _) => Whose::Conversation(id),
        (None, Some(id)) => Whose::Contact(id),
        (None, None) => return Err(Failure::usage("it is not said whom to erase")),
    };
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let signer = signing::signer(app, &db).await;
    let (clock, entropy) = (app.clock.as_ref(), app.entropy.as_ref());
    let exporter = Exporter { db: &db, org, clock, entropy, signer: signer.as_ref(), mask_key: None };
    let subject = lineage::subject(&db, org, whose).await?;
    let copies = lineage::copies(&db, org, whose).await?;
    let runs: BTreeSet<_> = copies.into_iter().map(|copy| copy.run_id).collect();
    let mut report = Report { erased: Vec::new(), left: Vec::new() };
    for run in runs {
        let found = export_runs::get(&db, org, &run).await.map_err(|error| failed(app, &error))?;
        let Some(run) = found else { continue };
        let erased = if handover::Target::named(&run.format).is_some() {
            Err("what a handover wrote is not changed: delete it by hand".to_owned())
        } else if on_demand::handed_out(&run).is_some() {
            Err("a person saved a copy: the audit log tells who is to delete it".to_owned())
        } else {
            match objects::options_of(app, &run, &args.store) {
                Ok(options) => sinks::erase(&exporter, &run, &options, &subject).await,
                Err(error) => Err(error),
            }
            .map_err(|error| error.to_string())
        };
        let (run_id, destination) = (run.export_run_id.0, run.destination);
        match erased {
            Ok(erased) => report.erased.push(Line { run_id, destination, erased }),
            Err(reason) => report.left.push(Left { destination, reason }),
        }
    }
    db.close().await;
    let exit = if report.left.is_empty() { Exit::Done } else { Exit::Incomplete };
    app.output.report(exit, &report, &text(&report))
}

fn text(report: &Report) -> String {
    if report.erased.is_empty() && report.left.is_empty() {
        return "no export holds a copy\n".to_owned();
    }
    let columns = [Column::Text("destination"), Column::Number("rows"), Column::Number("files")];
    let row =
        |line: &Line| vec![line.destination.clone(), number(line.erased.rows), number(line.erased.files)];
    let mut text = table(&columns, report.erased.iter().map(row).collect());
    for left in &report.left {
        text += &format!("LEFT at {}: {}\n", left.destination, left.reason);
    }
    text
}
