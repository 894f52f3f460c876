//! What goes out, as it is said on the command line: tables, columns, conversations, and what is masked.

use std::collections::BTreeMap;

use clap::ValueEnum;
use model::{ConversationId, InboxId, Millis, PlaybookId, UserId};
use sinks::mask::Mode;
use sinks::selection::Selection;
use store::tables::Filter;

use crate::when::{self, When};

/// Which tables, columns and conversations, and what is masked of them.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What goes out")]
pub(super) struct Choice {
    /// Only these tables
    #[arg(long, value_name = "TABLE,…", value_delimiter = ',')]
    tables: Option<Vec<String>>,
    /// The table of transcripts, too: each conversation as text, HTML and Markdown, a column each; only with --mask none
    #[arg(long)]
    transcript_table: bool,
    /// Only these columns of a table, beside those that say which row it is and whose; may be repeated
    #[arg(long, value_name = "TABLE=COLUMN,…", value_parser = columns)]
    columns: Vec<(String, Vec<String>)>,
    /// Only these conversations
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    conversation: Vec<i64>,
    /// Only conversations of this status, such as open
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',')]
    status: Vec<String>,
    /// Only conversations that began then or later
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    since: Option<When>,
    /// Only conversations that began in the last so many months, the running one included: older ones leave the destination
    #[arg(long, value_name = "MONTHS", value_parser = clap::value_parser!(u32).range(1..=12_000))]
    pub(super) keep_months: Option<u32>,
    /// Only conversations that began before then
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    until: Option<When>,
    /// Only conversations of this inbox
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    inbox: Vec<i64>,
    /// Only conversations that this playbook began
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    playbook: Vec<i64>,
    /// Only conversations with this tag; may be repeated
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Only conversations in which this Drift user took part
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    participant: Vec<i64>,
    /// Only conversations with a message from a page whose address begins like this; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    page: Vec<String>,
    /// What becomes of personal data
    #[arg(long, value_enum, default_value_t = MaskFlag::Identifiers)]
    mask: MaskFlag,
    /// Why personal data goes out as it is: kept with the run; --mask none needs it
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MaskFlag {
    /// It goes as it is
    None,
    /// E-mail addresses, phone numbers, names and ids become pseudonyms, links and documents are left out
    Identifiers,
    /// The same, and what people wrote is left out
    AllText,
}

impl Choice {
    /// Whether personal data goes out as it is.
    pub(super) fn is_unmasked(&self) -> bool {
        matches!(self.mask, MaskFlag::None)
    }

    /// What was chosen, times counted from now.
    pub(super) fn selection(self, now: Millis) -> Selection {
        let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (table, names) in self.columns {
            columns.entry(table).or_default().extend(names);
        }
        let filter = Filter {
            conversations: self.conversation.into_iter().map(ConversationId).collect(),
            statuses: self.status,
            since: self.since.map(|since| since.instant(now)),
            until: self.until.map(|until| until.instant(now)),
            inboxes: self.inbox.into_iter().map(InboxId).collect(),
            playbooks: self.playbook.into_iter().map(PlaybookId).collect(),
            tags: self.tag,
            participants: self.participant.into_iter().map(UserId).collect(),
            pages: self.page,
        };
        let mask = match self.mask {
            MaskFlag::None => Mode::None,
            MaskFlag::Identifiers => Mode::Identifiers,
            MaskFlag::AllText => Mode::AllText,
        };
        Selection { tables: self.tables, transcripts: self.transcript_table, columns, filter, mask }
    }
}

/// `messages=text,kind`.
fn columns(text: &str) -> Result<(String, Vec<String>), String> {
    let (table, names) =
        text.split_once('=').ok_or("expected a table, = and its columns, such as messages=text,kind")?;
    let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
    match table.trim() {
        "" => Err("there is no table before =".to_owned()),
        _ if names.iter().any(String::is_empty) => Err("a column between the commas is missing".to_owned()),
        table => Ok((table.to_owned(), names)),
    }
}
