//! `longshore lineage`: which copies of a conversation or a person lie outside.

use model::{ContactId, ConversationId};
use serde::Serialize;
use sinks::lineage::{self, Copy, Whose};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, table};

/// Show which exports hold copies of a conversation, or of a contact with all their conversations
///
/// What a copy is in is named: the destination, the table or file, the run. "longshore export erase" removes them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    whose: WhoseWord,
}

#[derive(Debug, clap::Subcommand)]
enum WhoseWord {
    /// Of a conversation
    Conversation {
        /// The conversation, by Drift's id
        id: ConversationId,
    },
    /// Of a contact, with all their conversations
    Contact {
        /// The contact, by Drift's id
        id: ContactId,
    },
}

#[derive(Debug, Serialize)]
struct Report {
    copies: Vec<Copy>,
}

/// Show them.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let whose = match args.whose {
        WhoseWord::Conversation { id } => Whose::Conversation(id),
        WhoseWord::Contact { id } => Whose::Contact(id),
    };
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let report = Report { copies: lineage::copies(&db, org, whose).await? };
    db.close().await;
    app.output.report(Exit::Done, &report, &text(&report.copies))
}

fn text(copies: &[Copy]) -> String {
    if copies.is_empty() {
        return "no export holds a copy\n".to_owned();
    }
    let columns = ["destination", "table", "file", "run"].map(Column::Text);
    let row = |copy: &Copy| {
        vec![copy.destination.clone(), copy.table.clone(), copy.file.clone(), copy.run_id.0.clone()]
    };
    table(&columns, copies.iter().map(row).collect())
}
