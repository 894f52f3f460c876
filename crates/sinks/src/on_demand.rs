//! One conversation, handed to whoever asks for it: a copy that leaves, and so an export run on record.
//!
//! It goes out as it is, so it needs a reason. What was handed out cannot be called back; `lineage` names it, so that whoever
//! erases a person knows whom to ask.

use model::{Clock, ConversationId, Entropy, OrgId, RunId};
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::export_runs::{self, Ended, ExportMode, ExportRun, NewExport};
use store::{Db, changes};

use crate::SinkError;
use crate::export::REASON_BYTES_MAX;
use crate::transcript::{NoFiles, Transcript, html, markdown, one, text};

/// What the destinations of such runs begin with.
const DESTINATION: &str = "conversation/";

/// Form of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Plain text.
    Text,
    /// A page that is safe to open.
    Html,
    /// Markdown.
    Markdown,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Text, Self::Html, Self::Markdown];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Html => "html",
            Self::Markdown => "markdown",
        }
    }

    /// The form of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }

    /// A transcript in this form.
    #[must_use]
    pub fn lay_out(self, transcript: &Transcript) -> String {
        match self {
            Self::Text => text::render(transcript),
            Self::Html => html::render(transcript, None),
            Self::Markdown => markdown::render(transcript),
        }
    }

    /// What it is served as.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Markdown => "text/markdown; charset=utf-8",
        }
    }

    /// What a file of it is called.
    #[must_use]
    pub fn file_name(self, id: ConversationId) -> String {
        let ending = match self {
            Self::Text => "txt",
            Self::Html => "html",
            Self::Markdown => "md",
        };
        format!("conversation-{id}.{ending}")
    }
}

/// Who asks for what, and why.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Which conversation.
    pub id: ConversationId,
    /// In which form.
    pub form: Form,
    /// Why it may go out as it is.
    pub reason: &'a str,
    /// Who.
    pub who: &'a Who,
}

/// Lay one conversation out, and record that it was handed over.
///
/// # Errors
/// [`SinkError::NoReason`], [`SinkError::NoConversation`], and those of the store.
pub async fn conversation(
    (db, org): (&Db, OrgId),
    asked: Asked<'_>,
    (clock, entropy): (&dyn Clock, &dyn Entropy),
) -> Result<String, SinkError> {
    let reason = asked.reason.trim();
    if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
        return Err(SinkError::NoReason);
    }
    let laid_out = asked.form.lay_out(&one::read(db, org, asked.id, &NoFiles).await?);
    let (now, run) = (clock.now(), RunId::new(clock, entropy));
    let options = serde_json::json!({ "reason": reason }).to_string();
    let new = NewExport {
        format: asked.form.name(),
        destination: &format!("{DESTINATION}{}", asked.id),
        mode: ExportMode::Full,
        changes_upto: changes::head(db, org).await?,
        options: Some(&options),
    };
    let ended = Ended::Succeeded {
        counts: "{\"transcripts\":1}",
        bytes: i64::try_from(laid_out.len()).unwrap_or(i64::MAX),
        manifest: None,
        signature: None,
    };
    let object = Object::new(ObjectKind::Conversation, asked.id.to_string());
    let entry = NewEntry::done(now, asked.who, Action::ExportFinish, object).org(org).amount(1);
    let mut tx = db.begin().await?;
    export_runs::start(&mut tx, org, &run, &new, now).await?;
    export_runs::end(&mut tx, org, &run, ended, now).await?;
    audit::append(&mut tx, &entry.because("unmasked"))?;
    tx.commit().await?;
    Ok(laid_out)
}

/// The conversation that a run handed out; `None` for other runs.
pub fn handed_out(run: &ExportRun) -> Option<ConversationId> {
    let id = run.destination.strip_prefix(DESTINATION)?.parse().ok()?;
    Form::named(&run.format).map(|_| ConversationId(id))
}
