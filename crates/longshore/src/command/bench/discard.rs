//! The client that discards: the archive's own calls through the same SDK, each answer decoded and dropped. An archive
//! beside it shows what comparing and storing cost.

use std::collections::HashSet;
use std::sync::Arc;

use drift::{Auth, Client, Config, HttpOptions, HttpTransport, Seams, Secret};
use model::{ContactId, ConversationId};
use tokio::task::JoinSet;

use super::process::SandboxProcess;
use crate::app::App;
use crate::failure::Failure;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Ask for everything once, `concurrency` objects at a time; answers how many calls that took.
pub(super) async fn run(app: &App, sandbox: &SandboxProcess, concurrency: usize) -> Result<u64, Failure> {
    let drift = client(app, sandbox)?;
    let (mut pages, mut contacts, mut calls) =
        (drift.list_conversations(&drift::ListQuery::default()), HashSet::new(), 0);
    let mut under_way = JoinSet::new();
    while let Some(page) = pages.next_page().await.map_err(failed)? {
        calls += 1;
        for row in page.items {
            if under_way.len() >= concurrency {
                calls += ended(under_way.join_next().await)?;
            }
            let contact = row.contact_id.filter(|contact| contacts.insert(*contact));
            under_way.spawn(one(drift.clone(), row.id, contact));
        }
    }
    while let Some(done) = under_way.join_next().await {
        calls += ended(Some(done))?;
    }
    Ok(calls)
}

fn client(app: &App, sandbox: &SandboxProcess) -> Result<Client, Failure> {
    let options = HttpOptions { proxies: false, ..HttpOptions::default() };
    let transport = HttpTransport::new(options).map_err(|error| Failure::unexpected(error.to_string()))?;
    let seams = Seams {
        transport: Arc::new(transport),
        clock: app.clock.clone(),
        entropy: app.entropy.clone(),
        recorder: None,
    };
    let config = Config::at(&sandbox.url).map_err(failed)?.per_minute(None);
    Client::new(config, seams, Auth::Private(Secret::new(sandbox.token.clone()))).map_err(failed)
}

/// A conversation with its messages and files, and its contact if nobody has asked for it.
async fn one(drift: Client, id: ConversationId, contact: Option<ContactId>) -> Result<u64, drift::Error> {
    let (mut pages, mut calls) = (drift.messages(id), 1);
    while let Some(page) = pages.next_page().await? {
        calls += 1;
        for file in page.items.iter().flat_map(|message| &message.attachments) {
            drift.attachment(file.id, FILE_BYTES_MAX).await?;
            calls += 1;
        }
    }
    drift.conversation(id).await?;
    let Some(contact) = contact else { return Ok(calls) };
    match drift.contact(contact).await {
        Ok(_) | Err(drift::Error::NotFound { .. }) => Ok(calls + 1),
        Err(error) => Err(error),
    }
}

type Joined = Option<Result<Result<u64, drift::Error>, tokio::task::JoinError>>;

fn ended(joined: Joined) -> Result<u64, Failure> {
    match joined {
        Some(Ok(done)) => done.map_err(failed),
        Some(Err(error)) => Err(Failure::unexpected(error.to_string())),
        None => Ok(0),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn failed(error: drift::Error) -> Failure {
    Failure::unexpected(error.to_string())
}
