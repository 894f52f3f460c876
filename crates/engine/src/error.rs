//! Why a run could not go on.
//!
//! A single conversation that cannot be had is *not* an error here: it is recorded, named in the certificate
//! and tried again. These are the reasons to stop the whole run; every one of them can be resumed from.

use store::StoreError;

/// A reason to stop a run. What was committed stays; the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error("could not {doing}")]
    Store {
        /// What was being done, for the message: `save the checkpoint`.
        doing: &'static str,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The connection's token is no longer accepted and could not be renewed.
    #[error("Drift refuses the connection of organization {org}")]
    Unauthorized {
        /// The organization.
        org: model::OrgId,
        /// What Drift said.
        #[source]
        source: drift::Error,
    },
    /// A token or a code that was to become a connection is not accepted.
    #[error("Drift does not accept what was given to connect with")]
    Refused {
        /// What Drift said.
        #[source]
        source: drift::Error,
    },
    /// The grant is of an organization that whoever connects may not connect.
    #[error("the grant is of organization {org}, which is not to be connected here")]
    NotAdmitted {
        /// Whose grant it is.
        org: model::OrgId,
    },
    /// The API could not be reached, or failed every time for many calls in a row.
    #[error("could not {doing}: the Drift API was not reached")]
    Unreachable {
        /// What was asked for.
        doing: &'static str,
        /// The last failure.
        #[source]
        source: drift::Error,
    },
    /// The API answered something that ends the run, such as an address that is not a Drift API.
    #[error("could not {doing}")]
    Api {
        /// What was asked for.
        doing: &'static str,
        /// The failure.
        #[source]
        source: drift::Error,
    },
    /// Another process is archiving the organization.
    #[error("another archive of organization {org} is running on this database")]
    Busy {
        /// The organization.
        org: model::OrgId,
    },
    /// No connection is stored for the organization, or more than one where one was expected.
    #[error("{0}")]
    Connection(String),
    /// The run was asked to stop. Everything fetched so far is stored.
    #[error("stopped as asked; everything fetched so far is stored")]
    Stopped,
    /// A certificate that does not parse, or is not of this format.
    #[error("not a certificate: {0}")]
    Certificate(String),
    /// Writing a certificate failed.
    #[error("could not write the certificate")]
    Write(#[source] std::io::Error),
    /// A task of ours died: a defect.
    #[error("a task ended without an answer: {0}")]
    Task(String),
}

impl EngineError {
    /// Whether the store refused because an id is already taken by something else.
    pub(crate) const fn is_conflict(&self) -> bool {
        matches!(self, Self::Store { source: StoreError::Conflict { .. }, .. })
    }

    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store { source, .. } => source.hint().map(|hint| hint.to_string()),
            Self::Refused { .. } => {
                Some("check the token, and that the app is still installed in Drift".into())
            }
            Self::NotAdmitted { .. } => {
                Some("allow it as an administrator of the organization that is meant".into())
            }
            Self::Unauthorized { .. } => Some("connect again with \"longshore connect\"".into()),
            Self::Unreachable { source, .. } | Self::Api { source, .. } => {
                source.hint().map(|hint| hint.to_string())
            }
            Self::Connection(_) => Some("connect with \"longshore connect\"".into()),
            Self::Busy { .. } => Some("wait for it to end, or stop it".into()),
            Self::Stopped => Some("run the same command again to go on".into()),
            Self::Certificate(_) => Some("give the certificate.json that an archive wrote".into()),
            Self::Write(_) => Some("check that the folder can be written to and has room".into()),
            Self::Task(_) => None,
        }
    }
}

/// An error and its causes in one line, for a log or a job's history.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// Say what was being done when the store failed.
pub(crate) trait Doing<T> {
    /// Wrap the error with what was being done.
    fn doing(self, doing: &'static str) -> Result<T, EngineError>;
}

impl<T> Doing<T> for Result<T, StoreError> {
    fn doing(self, doing: &'static str) -> Result<T, EngineError> {
        self.map_err(|source| EngineError::Store { doing, source })
    }
}

/// Whether the API was not reached at all, as opposed to having answered badly.
pub(crate) fn is_unreached(error: &drift::Error) -> bool {
    matches!(error, drift::Error::Exhausted { last: drift::Failure::Transport(_), .. })
}

/// Whether this is not the API at all: another's certificate, or a page instead of an answer.
pub(crate) fn is_foreign(error: &drift::Error) -> bool {
    matches!(error, drift::Error::Tls { .. } | drift::Error::InvalidConfig { .. })
}
