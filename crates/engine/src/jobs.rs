//! The jobs, one file each, and the registry by which a worker knows them.

use crate::job::Kind;

/// Every kind of job there is. A worker claims the kinds of its registry only, so that during an upgrade an older node leaves
/// alone what it does not know.
pub const REGISTRY: &[Kind] = &[];
