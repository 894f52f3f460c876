//! `longshore transcript`: one conversation as people read it.

use clap::ValueEnum;
use model::ConversationId;
use serde::Serialize;
use sinks::on_demand::{self, Asked, Form};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Print one conversation as people read it
///
/// Drift is not asked. It prints to stdout, as it is and for a reason; "longshore export" writes all conversations, with
/// their attachments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The conversation, by Drift's id
    #[arg(value_name = "CONVERSATION")]
    id: ConversationId,
    /// Form of the transcript
    #[arg(long = "as", value_enum, value_name = "FORM", default_value_t = FormFlag::Text)]
    form: FormFlag,
    /// Why personal data goes out as it is: kept with the run
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormFlag {
    /// Plain text
    Text,
    /// A page that is safe to open
    Html,
    /// Markdown
    Markdown,
}

impl From<FormFlag> for Form {
    fn from(flag: FormFlag) -> Self {
        match flag {
            FormFlag::Text => Self::Text,
            FormFlag::Html => Self::Html,
            FormFlag::Markdown => Self::Markdown,
        }
    }
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    conversation_id: i64,
    form: &'static str,
    transcript: &'a str,
}

/// Print it. That somebody has read it is recorded as an export is.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let (form, who) = (Form::from(args.form), who::command());
    let asked = Asked { id: args.id, form, reason: &args.reason, who: &who };
    let seams = (app.clock.as_ref(), app.entropy.as_ref());
    let laid_out = on_demand::conversation((&db, org), asked, seams).await?;
    db.close().await;
    let report = Report { conversation_id: args.id.0, form: form.name(), transcript: &laid_out };
    app.output.report(Exit::Done, &report, &laid_out)
}
