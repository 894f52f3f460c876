//! Which organization a request is about: the one of `?org=`, else the only one there is for the caller.
//!
//! An organization of somebody else and one that is not connected are answered alike, word for word.

use axum::http::StatusCode;
use model::OrgId;
use store::{Db, StoreError, connections};

use super::caller::Caller;
use crate::api::problem::{Failed, Problem, store_status};

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("organization {0} is not connected")]
    NotConnected(OrgId),
    #[error("no organization is connected")]
    None,
    #[error("{0} organizations are connected, and the request names none of them")]
    Several(usize),
    #[error("cannot read the connections")]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotConnected(_) | Self::None => StatusCode::NOT_FOUND,
            Self::Several(_) => StatusCode::BAD_REQUEST,
            Self::Store(error) => store_status(error),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotConnected(_) | Self::None => Some("connect it with \"longshore connect\""),
            Self::Several(_) => Some("add ?org=ID to the address"),
            Self::Store(_) => None,
        }
    }
}

/// What is answered for an organization that does not exist for the caller.
pub(super) fn unseen(org: OrgId) -> Failed {
    Error::NotConnected(org).into()
}

/// The connected organizations that exist for the caller, in their order.
pub(crate) async fn visible(db: &Db, caller: &Caller) -> Result<Vec<OrgId>, StoreError> {
    let connections = connections::list(db).await?;
    let mut orgs: Vec<OrgId> = connections.into_iter().map(|connection| connection.org_id).collect();
    orgs.sort_unstable();
    orgs.dedup();
    orgs.retain(|org| caller.sees(*org));
    Ok(orgs)
}

/// The organization that is meant.
pub(super) async fn meant(db: &Db, caller: &Caller, wanted: Option<OrgId>) -> Result<OrgId, Error> {
    let visible = visible(db, caller).await?;
    match (wanted, visible.as_slice()) {
        (Some(org), visible) if visible.contains(&org) => Ok(org),
        (Some(org), _) => Err(Error::NotConnected(org)),
        (None, [only]) => Ok(*only),
        (None, []) => Err(Error::None),
        (None, several) => Err(Error::Several(several.len())),
    }
}
