//! What a node needs to make the exports that come from time to time.

use std::sync::Arc;

use model::Millis;
use sinks::{ExportOptions, SinkError};
use store::scheduled_exports::ScheduledExport;
use store::vault::Vault;

/// What a scheduled export asks for at an instant. Credentials and the network are known to whoever runs the node.
pub type Options = Arc<dyn Fn(&ScheduledExport, Millis) -> Result<ExportOptions, SinkError> + Send + Sync>;

/// How exports leave.
#[derive(Clone)]
pub struct Exports {
    /// What signs and what masks.
    pub vault: Vault,
    /// What each of them asks for.
    pub options: Options,
}
