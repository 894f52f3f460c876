//! Asking Drift about a token: a lacking scope and a dead token are refused in the same words.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use model::Millis;
use serde::Deserialize;

use super::{Token, Verdict};
use crate::call::Call;
use crate::exchange::{Core, Right};
use crate::{Error, Priority, Scope};

/// A token that was found alive.
#[derive(Clone)]
pub(super) struct Inspected {
    pub(super) at: Millis,
    /// The how-manieth inspection found it.
    pub(super) number: u64,
    /// Space-separated, where it was told.
    scopes: Option<String>,
}

impl Inspected {
    pub(super) fn scopes(&self) -> Option<&str> {
        self.scopes.as_deref()
    }

    pub(super) fn verdict(&self, scope: Option<Scope>) -> Verdict {
        let lacks = |scope: Scope| {
            self.scopes
                .as_ref()
                .is_some_and(|scopes| !scopes.split([' ', ',']).any(|own| own == scope.as_str()))
        };
        if scope.is_some_and(lacks) { Verdict::Forbidden } else { Verdict::Doubtful }
    }
}

#[derive(Deserialize)]
struct TokenInfo {
    #[serde(default)]
    scope: Option<String>,
}

/// Ask about a token; `None` when it is dead.
///
/// `number` counts inspections. Fails when no answer can be had. Sent ahead of everything else, since callers of every urgency may wait for it.
pub(super) fn token<'a>(
    core: &'a Arc<Core>,
    token: &'a Token,
    number: u64,
) -> BoxFuture<'a, Result<Option<Inspected>, Error>> {
    // Boxed: the loop of calls comes here and goes back into itself.
    Box::pin(ask(core, token, number))
}

async fn ask(core: &Arc<Core>, token: &Token, number: u64) -> Result<Option<Inspected>, Error> {
    let call = Call::post("/app/token_info").idempotent(true).own_token();
    let mut info = TokenInfo { scope: None };
    let mut decode = |answer: &crate::answer::Answer| {
        info = answer.data_or_bare()?;
        Ok(())
    };
    match core.run(&call, Right::Fixed(token), Priority::Live, &mut decode).await {
        Ok(()) => Ok(Some(Inspected { at: core.seams.clock.now(), number, scopes: info.scope })),
        Err(Error::Api { status: 401 | 403, .. } | Error::Validation { .. } | Error::NotFound { .. }) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
