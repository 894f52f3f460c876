//! What a node needs to send outgoing webhooks.

use std::sync::Arc;

use drift::Transport;
use sinks::webhook::Reach;
use store::vault::Vault;

/// An endpoint that takes nothing for so long is disabled, in milliseconds, unless a setting says otherwise.
pub const DISABLE_MS: i64 = 5 * 24 * 60 * 60 * 1_000;

/// How webhooks leave.
#[derive(Clone)]
pub struct Webhooks {
    /// The network as webhooks may use it: [`sinks::webhook::transport`].
    pub transport: Arc<dyn Transport>,
    /// What opens the endpoints' secrets.
    pub vault: Vault,
    /// How far they may reach: the same as the transport's.
    pub reach: Reach,
    /// An endpoint that takes nothing for so long is disabled, in milliseconds.
    pub disable_ms: i64,
}
