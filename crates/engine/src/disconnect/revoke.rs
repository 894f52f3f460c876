//! Asking Drift to take a grant back, and what its answer means.
//!
//! A refusal is believed only of a token that Drift accepts: Drift says the same words to a token that has ended. So after
//! one the token is asked about, and where it was renewed meanwhile, or has ended, the revocation is asked for once more.
//! What is left open is no answer, and is asked again later.

use std::sync::Arc;

use drift::{App, Auth, Client, Error, TokenKeeper as _};
use model::Millis;
use store::StoreError;
use store::connections::{Connection, ConnectionKind};
use store::disconnects::Revocation;
use store::vault::VaultError;

use super::DEADLINE_MS;
use crate::connection::{Connections, Purpose, StoreKeeper};
use crate::error::EngineError;

/// How often one try asks: once more for each token that ended under it.
const ROUNDS_MAX: u32 = 3;

/// What an answer means by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It settles the matter.
    Settled(Revocation),
    /// A no, if the token is good.
    Doubtful,
}

impl Connections {
    /// Ask Drift to take the grant back, within the deadline.
    pub(super) async fn revoke(&self, connection: &Connection) -> Revocation {
        if connection.kind == ConnectionKind::Private {
            return Revocation::ByHand;
        }
        let asking = self.ask(connection);
        let asked = drift::deadline(self.seams.clock.as_ref(), DEADLINE_MS, asking).await;
        asked.unwrap_or(Revocation::Unreachable)
    }

    async fn ask(&self, connection: &Connection) -> Revocation {
        let app = match self.app(&connection.connection_id).await {
            Ok(app) => app,
            Err(error) => return unopened(connection, &error),
        };
        for _ in 0..ROUNDS_MAX {
            match self.ask_once(connection, &app).await {
                Verdict::Settled(outcome) => return outcome,
                Verdict::Doubtful => {}
            }
        }
        Revocation::Unreachable
    }

    /// One call, and after a no a question about the token that was refused.
    async fn ask_once(&self, connection: &Connection, app: &App) -> Verdict {
        let keeper = Arc::new(self.keeper(connection, Purpose::Revoking));
        let config = self.config.clone().attempts_max(1).deadline_ms(DEADLINE_MS);
        let auth = Auth::OAuth { app: app.clone(), keeper: Arc::clone(&keeper) as _ };
        let client = match Client::new(config, self.seams.clone(), auth) {
            Ok(client) => client,
            Err(error) => return judge(&error),
        };
        let Err(error) = client.uninstall(app).await else { return Verdict::Settled(Revocation::Revoked) };
        let verdict = judge(&error);
        if verdict != Verdict::Doubtful {
            return verdict;
        }
        let before = seen(&keeper).await;
        match client.token_info().await {
            Ok(_) if is_same_and_alive(before, seen(&keeper).await, self.seams.clock.now()) => {
                Verdict::Settled(Revocation::Refused)
            }
            Ok(_) => Verdict::Doubtful,
            Err(error) => match judge(&error) {
                Verdict::Doubtful => Verdict::Settled(Revocation::Unreachable),
                settled @ Verdict::Settled(_) => settled,
            },
        }
    }
}

/// When the stored token ends, as far as that is known; `None` when there is none.
async fn seen(keeper: &StoreKeeper) -> Option<Option<Millis>> {
    keeper.load().await.ok().map(|pair| pair.expires_at)
}

/// The end of a token stands for the token: a renewed one ends later.
fn is_same_and_alive(before: Option<Option<Millis>>, after: Option<Option<Millis>>, now: Millis) -> bool {
    before.is_some() && before == after && after.flatten().is_none_or(|end| now < end)
}

/// What a failed call means. That the grant is gone is a definite answer; a no is one only of a good token; everything else
/// may pass.
fn judge(error: &Error) -> Verdict {
    match error {
        // The token has ended and cannot be renewed by an app that Drift does not know: no later try changes that.
        Error::Unauthorized { .. } if error.is_app_refused() => Verdict::Settled(Revocation::Refused),
        Error::Unauthorized { .. } => Verdict::Settled(Revocation::Gone),
        Error::Forbidden { .. } | Error::Validation { .. } | Error::Conflict { .. } => Verdict::Doubtful,
        Error::Api { status, .. } if (400..500).contains(status) && !matches!(status, 408 | 425 | 429) => {
            Verdict::Doubtful
        }
        _ => Verdict::Settled(Revocation::Unreachable),
    }
}

/// Secrets that are not there, or do not open, cannot revoke anything, now or later; a store that fails may recover.
fn unopened(connection: &Connection, error: &EngineError) -> Revocation {
    let (id, text) = (&connection.connection_id, crate::error::chain(error));
    tracing::warn!(connection.id = %id, error = %text, "The secrets to revoke {id} with do not open");
    match error {
        EngineError::Store {
            source: StoreError::Vault(VaultError::Damaged | VaultError::Destroyed), ..
        }
        | EngineError::Connection(_) => Revocation::Unrevoked,
        _ => Revocation::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(status: u16) -> Error {
        let (method, path) = (http::Method::POST, "/app/uninstall".to_owned());
        Error::Api { method, path, status, kind: String::new(), message: String::new() }
    }

    #[test]
    fn a_no_is_doubtful_and_no_answer_is_none() {
        for status in [401, 403, 405, 418] {
            assert_eq!(judge(&api(status)), Verdict::Doubtful, "{status}");
        }
        for status in [408, 425, 429, 500, 503] {
            assert_eq!(judge(&api(status)), Verdict::Settled(Revocation::Unreachable), "{status}");
        }
        let ended = Error::Unauthorized { reason: "it was revoked, or was never valid" };
        assert_eq!(judge(&ended), Verdict::Settled(Revocation::Gone));
        let missing = Error::NotFound { method: http::Method::POST, path: String::new() };
        assert_eq!(judge(&missing), Verdict::Settled(Revocation::Unreachable));
    }

    #[test]
    fn a_no_counts_only_of_a_token_that_was_good_before_and_after() {
        let (now, end) = (Millis(10), Some(Some(Millis(20))));
        assert!(is_same_and_alive(end, end, now));
        assert!(is_same_and_alive(Some(None), Some(None), now));
        assert!(!is_same_and_alive(end, Some(Some(Millis(30))), now), "renewed meanwhile");
        assert!(!is_same_and_alive(end, end, Millis(20)), "ended meanwhile");
        assert!(!is_same_and_alive(None, None, now), "none there");
    }
}
