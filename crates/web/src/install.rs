//! What connecting takes that this crate does not have: the app that consents are asked for, and somebody who makes
//! connections. It is put in by whoever puts the node together.
//!
//! What a browser brought goes out, as a [`Grant`]; what comes back is a stored connection, or why there is none.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use model::{OrgId, Secret};
use store::audit::Who;
use store::connections::Connection;

/// Makes a connection of what it is given, stored and checked, or says why not. Nothing that was stored is given up before.
pub type Connect = Arc<dyn Fn(Grant) -> BoxFuture<'static, Result<Connection, NotConnected>> + Send + Sync>;

/// How connections are made from the pages.
#[derive(Clone)]
pub struct Install {
    /// Where the consent page is.
    pub drift: drift::Config,
    /// The app's id; `None`: there is no app, and only tokens of private apps can be taken.
    pub client_id: Option<String>,
    /// Where this node is reached by browsers, without a slash at its end.
    pub base: String,
    /// Who makes connections.
    pub connect: Connect,
}

impl Install {
    /// Where Drift sends browsers back to: what must be saved with the app.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        redirect_uri(&self.base)
    }
}

/// Where Drift sends browsers back to, on a node that is reached at `base`.
#[must_use]
pub fn redirect_uri(base: &str) -> String {
    format!("{base}/connect/drift/callback")
}

/// The address of a link to connect with, on a node that is reached at `base`.
#[must_use]
pub fn link_url(base: &str, token: &store::access::Token) -> String {
    format!("{base}/connect/drift/invited?link={}", token.expose())
}

/// What is to become a connection.
#[derive(Debug, Clone)]
pub struct Grant {
    /// What was given.
    pub proof: Proof,
    /// Whose grant is taken; `None`: anybody's.
    pub admits: Option<Vec<OrgId>>,
    /// Who connects.
    pub who: Who,
}

/// What was given to connect with.
#[derive(Debug, Clone)]
pub enum Proof {
    /// An authorization code of the app.
    Code(Secret),
    /// The token of a private app.
    Token(Secret),
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotConnected {
    /// Drift does not take the code or the token.
    Refused,
    /// It is of an organization that is not admitted.
    NotAdmitted,
    /// Drift does not answer, or not as Drift does.
    Unreachable,
    /// Something failed inside; whoever makes connections has logged it.
    Inside,
}

impl NotConnected {
    /// The audit's word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Refused => "code_or_token_refused",
            Self::NotAdmitted => "other_organization",
            Self::Unreachable => "provider_unreachable",
            Self::Inside => "failed_inside",
        }
    }
}
