//! What the store says.

use store::{DatabaseUrl, StoreError};

use super::{Failure, chain};
use crate::exit::Exit;

impl Failure {
    /// The store failed at `doing` (`open the database`), on the database of that address.
    pub(crate) fn store(doing: &str, database: &DatabaseUrl, error: &StoreError) -> Self {
        let message = format!("cannot {doing} {database}: {}", chain(error));
        Self::new(store_exit(error), message).hint_maybe(error.hint()).passing(error.is_passing())
    }
}

/// The class of a store error.
pub(super) fn store_exit(error: &StoreError) -> Exit {
    match error {
        StoreError::Url { .. } => Exit::Usage,
        StoreError::DiskFull | StoreError::DiskRefused => Exit::Disk,
        _ => Exit::Database,
    }
}
