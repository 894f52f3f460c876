//! What a run of the engine says.

use engine::EngineError;

use super::api::api_exit;
use super::store::store_exit;
use super::{Failure, chain};
use crate::exit::Exit;

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let exit = match &error {
            EngineError::Store { source, .. } => store_exit(source),
            EngineError::Unauthorized { .. }
            | EngineError::Refused { .. }
            | EngineError::NotAdmitted { .. }
            | EngineError::Connection(_) => Exit::Refused,
            EngineError::Unreachable { .. } => Exit::Unreachable,
            EngineError::Api { source, .. } => api_exit(source),
            EngineError::Stopped => Exit::Interrupted,
            EngineError::Busy { .. } => Exit::Database,
            EngineError::Certificate(_) => Exit::Usage,
            EngineError::Write(_) => Exit::Disk,
            _ => Exit::Unexpected,
        };
        let hint = error.hint().or_else(|| {
            (exit == Exit::Unreachable)
                .then(|| "check api_url: this does not answer as Drift does".to_owned())
        });
        Self::new(exit, chain(&error)).hint_maybe(hint)
    }
}
