//! `longshore transcript`: one conversation as people read it.

use clap::ValueEnum;
use model::ConversationId;
use serde::Serialize;
use sinks::on_demand::Form;
use sinks::transcript::{NoFiles, one};
use store::audit::{self, Action, NewEntry, Object, ObjectKind};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Print one conversation as people read it
///
/// Drift is not asked. It prints to stdout; "longshore export" writes all conversations, with their attachments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The conversation, by Drift's id
    #[arg(value_name = "CONVERSATION")]
    id: ConversationId,
    /// Form of the transcript
    #[arg(long = "as", value_enum, value_name = "FORM", default_value_t = FormFlag::Text)]
    form: FormFlag,
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

/// Print it. That somebody read it is an entry of the audit log, as an export is.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let transcript = one::read(&db, org, args.id, &NoFiles).await?;
    let form = Form::from(args.form);
    let laid_out = form.lay_out(&transcript);
    let told = |error| Failure::store("write the audit log of", &app.config.database, &error);
    let who = who::command();
    let object = Object::new(ObjectKind::Conversation, args.id.to_string());
    let entry = NewEntry::done(app.clock.now(), &who, Action::ExportFinish, object).org(org).amount(1);
    let mut tx = db.begin().await.map_err(told)?;
    audit::append(&mut tx, &entry).map_err(told)?;
    tx.commit().await.map_err(told)?;
    db.close().await;
    let report = Report { conversation_id: args.id.0, form: form.name(), transcript: &laid_out };
    app.output.report(Exit::Done, &report, &laid_out)
}
