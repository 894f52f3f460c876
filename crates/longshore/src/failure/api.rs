//! What the Drift API, or the way to it, says.

use drift::{Error, TransportError, TransportKind};

use super::{Failure, chain};
use crate::exit::Exit;

impl Failure {
    /// A call failed at `doing` (`check the token`).
    pub(crate) fn api(doing: &str, error: &Error) -> Self {
        let message = format!("cannot {doing}: {}", chain(error));
        Self::new(api_exit(error), message).hint_maybe(error.hint())
    }

    /// A host could not be talked to at all.
    pub(crate) fn transport(host: &str, error: &TransportError) -> Self {
        let hint = match error.kind {
            TransportKind::Connect => {
                "check the address, and that this machine can reach it; \"longshore doctor\" tries each host"
            }
            TransportKind::Tls => {
                "check the address; behind a proxy with certificates of its own, name its authority in ca_file"
            }
            TransportKind::Forbidden => "choose an address that may be reached",
            TransportKind::Timeout | TransportKind::Cut => "try again later",
            TransportKind::Withdrawn => {
                "the connection was given up; connect again with \"longshore connect\""
            }
            TransportKind::TooLarge | TransportKind::Protocol => {
                "check the address: this does not look like Drift"
            }
        };
        Self::new(Exit::Unreachable, format!("cannot reach {host}: {}", chain(error))).hint(hint)
    }
}

/// The class of an API error.
pub(super) fn api_exit(error: &Error) -> Exit {
    match error {
        Error::Forbidden { .. } | Error::Unauthorized { .. } | Error::OAuth(_) => Exit::Refused,
        Error::Exhausted { .. }
        | Error::Tls { .. }
        | Error::Decode { .. }
        | Error::HostNotAllowed { .. }
        | Error::NotFound { .. }
        | Error::Api { .. }
        | Error::TooLarge { .. }
        | Error::PageRepeated
        | Error::PagesMax { .. } => Exit::Unreachable,
        Error::Keeper(_) => Exit::Database,
        Error::InvalidConfig { .. } => Exit::Usage,
        _ => Exit::Unexpected,
    }
}
