//! `longshore handover`: conversations for whoever comes after Drift.

use std::path::PathBuf;

use clap::ValueEnum;
use model::{ConversationId, OrgId};
use serde::Serialize;
use sinks::handover::{FieldLine, HandoverOptions, HandoverReport, Target};
use store::Db;
use url::Url;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, duration, size, table};
use crate::summary::{number, seconds};
use crate::who;

/// Write conversations for another system to take in
///
/// One conversation a line, in a neutral format, or as the calls by which Intercom, Chatwoot, HubSpot or Zendesk takes
/// it in; with a report of what became of each field. Neither Drift nor the other system is asked: it works from the
/// database alone. Running it again replaces the files. See docs/handover.md.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Format of the conversations
    #[arg(long = "as", value_enum, value_name = "FORMAT")]
    target: TargetFlag,
    /// Folder to write into; made if need be
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Only this conversation; may be given several times
    #[arg(long, value_name = "ID")]
    conversation: Vec<ConversationId>,
    /// Where the attachments of an export will be reachable, such as <https://files.example.com/drift/>
    #[arg(long, value_name = "URL")]
    attachments_at: Option<Url>,
    /// Why personal data goes out as it is: kept with the run
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TargetFlag {
    /// Documented JSON that anybody can read
    Neutral,
    /// Contacts, conversations and replies of Intercom's REST API
    Intercom,
    /// Contacts, conversations and messages of Chatwoot's application API
    Chatwoot,
    /// Contacts and notes of HubSpot's API
    Hubspot,
    /// Users and imported tickets of Zendesk's API
    Zendesk,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    handover: HandoverReport,
    seconds: f64,
    database: String,
}

/// Hand over.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let options = HandoverOptions {
        target: match args.target {
            TargetFlag::Neutral => Target::Neutral,
            TargetFlag::Intercom => Target::Intercom,
            TargetFlag::Chatwoot => Target::Chatwoot,
            TargetFlag::Hubspot => Target::Hubspot,
            TargetFlag::Zendesk => Target::Zendesk,
        },
        dir: args.to,
        conversations: args.conversation,
        attachments_at: args.attachments_at.as_ref().map(base).transpose()?,
        reason: args.reason,
        who: who::command(),
    };
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let handover = write(app, &db, org, &options).await?;
    db.close().await;
    let elapsed_ms = handover.finished_at.since(handover.started_at);
    let report = Report { handover, seconds: seconds(elapsed_ms), database: app.config.database.to_string() };
    app.output.report(Exit::Done, &report, &text(&report.handover, elapsed_ms))
}

/// The address to which files' names are added.
fn base(url: &Url) -> Result<String, Failure> {
    if !matches!(url.scheme(), "https" | "http") || url.query().is_some() || url.fragment().is_some() {
        return Err(Failure::usage(format!("--attachments-at {url}: not the address of a folder"))
            .hint("name an https address without ? and #"));
    }
    let text = url.as_str();
    Ok(if text.ends_with('/') { text.to_owned() } else { format!("{text}/") })
}

/// Write, and stop on request: what is half-written is removed by the next run.
async fn write(app: &App, db: &Db, org: OrgId, options: &HandoverOptions) -> Result<HandoverReport, Failure> {
    let handover = sinks::handover::handover(db, org, options, app.clock.as_ref(), app.entropy.as_ref());
    tokio::select! {
        report = handover => Ok(report?),
        () = app.interrupt.asked() => {
            Err(Failure::interrupted("stopped while writing").hint("run the same command again: it begins anew"))
        }
    }
}

fn text(handover: &HandoverReport, elapsed_ms: i64) -> String {
    let columns =
        [Column::Text("field"), Column::Text("fate"), Column::Number("values"), Column::Text("how or why")];
    let row = |line: &FieldLine| {
        vec![line.field.to_owned(), line.fate.name().to_owned(), number(line.count), line.how.to_owned()]
    };
    let mut text = table(&columns, handover.fields.iter().map(row).collect());
    let bytes: u64 = handover.files.iter().map(|file| file.bytes).sum();
    text += &format!(
        "\n{} conversations with {} messages as {}; {} in {}, written to {}\n",
        number(handover.conversations),
        number(handover.messages),
        handover.format,
        size(bytes),
        duration(elapsed_ms),
        handover.dir.display()
    );
    text
}
