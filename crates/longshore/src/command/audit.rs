//! `longshore audit`: who did what, and the proof that nobody changed what it says.

pub(crate) mod checkpoint;
pub(crate) mod export;
mod list;
mod verify;

use clap::Subcommand;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Show, check, export and sign the audit log
///
/// docs/audit.md tells what is in it, what the checks find, and what they cannot.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::Args),
    Verify(verify::Args),
    Export(export::Args),
    Checkpoint(checkpoint::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::List(args) => list::run(app, args).await,
        What::Verify(args) => verify::run(app, args).await,
        What::Export(args) => export::run(app, args).await,
        What::Checkpoint(args) => checkpoint::run(app, args).await,
    }
}

#[cfg(test)]
mod tests {
    use store::audit::Action;

    use crate::documents;

    #[test]
    fn the_page_of_the_audit_log_tells_every_action() {
        let mut table = String::from("| action | meaning |\n|---|---|\n");
        for action in Action::ALL {
            table += &format!("| `{}` | {} |\n", action.as_str(), action.meaning());
        }
        documents::holds("audit.md", "actions", &table);
    }
}
