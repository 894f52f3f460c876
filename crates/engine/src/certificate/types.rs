//! The certificate's shape.

use std::collections::BTreeMap;

use model::{Millis, OrgId, RunId};
use serde::{Deserialize, Serialize};

use crate::archive::Mode;
use crate::context::Calls;

/// The name and number of this format; a reader refuses others.
pub const FORMAT: &str = "longshore-certificate/1";

/// The proof of one archive, without the hashes of single conversations (see [`super::write_json`]).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Certificate {
    /// [`FORMAT`].
    pub format: String,
    /// The version of this program.
    pub version: String,
    /// The organization.
    pub org_id: OrgId,
    /// The run that this certifies.
    pub run_id: RunId,
    /// Whether everything was listed, or only what changed since a complete run.
    pub mode: Mode,
    /// When the run first began.
    pub started_at: Millis,
    /// When it ended.
    pub finished_at: Millis,
    /// The API's address.
    pub api: String,
    /// The scopes of the token, as the API told.
    pub scopes: Vec<String>,
    /// Whether nothing that the API has is missing.
    pub complete: bool,
    /// Why not, a sentence each; empty exactly when complete.
    pub reasons: Vec<String>,
    /// Contradictions of the API and other things worth knowing that take nothing away.
    pub notes: Vec<String>,
    /// A line for each kind of thing.
    pub kinds: Vec<KindLine>,
    /// Conversations by month of creation: what the reports said, what is stored.
    pub windows: Vec<WindowLine>,
    /// What could not be fetched, at most 10,000 lines.
    pub failures: Vec<FailureLine>,
    /// How many there are in all.
    pub failures_total: u64,
    /// Calls used, over all processes that worked on the run.
    pub calls: Calls,
    /// Conversations stored that Drift still has.
    pub conversations: u64,
    /// Their messages.
    pub messages: u64,
    /// Contacts stored.
    pub contacts: u64,
    /// SHA-256 over all conversations' hashes in ascending id order, hexadecimal.
    pub hash: String,
}

/// The most failures that are named one by one.
pub(super) const FAILURES_MAX: usize = 10_000;

/// One kind of thing: conversations, contacts, users, …
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindLine {
    /// The kind, in the words of the tables.
    pub kind: String,
    /// What the API said there is, by source: `list`, `stats`, `reports`, `named` (by other objects).
    pub said: BTreeMap<String, u64>,
    /// Fetched by this run.
    pub fetched: u64,
    /// Stored and live now.
    pub stored: u64,
    /// Answered 404: kept as they were last seen, if ever seen.
    pub gone: u64,
    /// Not fetched after all attempts.
    pub failed: u64,
    /// The scope that was missing, where the API refused the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Why the kind as a whole could not be read, where it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One window of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowLine {
    /// First instant.
    pub from: Millis,
    /// First instant after it.
    pub to: Millis,
    /// Conversations created in it by the reporting endpoint.
    pub said: u64,
    /// Conversations created in it in the mirror.
    pub stored: u64,
}

/// One thing that could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureLine {
    /// The kind.
    pub kind: String,
    /// Its id, or the name of the list.
    pub key: String,
    /// `gone`, `scope`, `retryable`, `permanent`.
    pub class: String,
    /// What the API or the network said.
    pub reason: String,
}
