//! The seam through which several processes keep one organization's budget together.
//!
//! Each budget is a ledger: a text that the nodes read, continue and write back, whoever is first with a version wins.
//! What the text means is known to `ledger` alone, so that the rate learned from refusals, the pause after one, and the
//! slots given away are one state machine's, the same that a process alone runs in its memory. There is no lock that a
//! stopped process could keep: between reading and replacing nothing is held.

use std::fmt;

use futures_util::future::BoxFuture;

/// Which of an organization's budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The budget for all calls.
    All,
    /// The reports' own.
    Reports,
}

impl Lane {
    /// A short name, for tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Reports => "reports",
        }
    }
}

/// A ledger as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// Grows with every replacement; 0 while there is no ledger yet.
    pub version: i64,
    /// The ledger; empty while there is none yet.
    pub text: String,
}

/// Where one organization's ledgers are kept, for all nodes.
///
/// - **Slots.** A node draws slots for the callers that wait in it, at most some 250 ms of the budget at once and at most
///   750 ms ahead, and uses each at its time or not at all: what a node held when it died or was stopped is lost, never
///   caught up.
/// - **Priority.** Within a process it is strict. Across nodes it is approximated: while a node could not get all
///   it wanted for its most urgent callers, nodes with less urgent ones draw nothing for up to half a second. A live
///   call can still wait behind what others hold already.
/// - **Clocks.** The ledger's time is that of the furthest clock that ever drew. A node whose own is behind learns by
///   how much at its draws, and reads its slots in its own time, so a wrong clock neither starves anybody nor
///   doubles the rate. Until it has learned, slots of two nodes may fall together: a burst of at most what one holds.
/// - **Failure.** While the ledger cannot be had, the node makes no calls; it tries again with growing pauses.
pub trait Allowance: Send + Sync + 'static {
    /// Read a ledger.
    ///
    /// # Errors
    /// When it cannot be reached.
    fn read(&self, lane: Lane) -> BoxFuture<'_, Result<Kept, AllowanceError>>;

    /// Put `text` in the place of the ledger of that version, and say whether it was still that one.
    ///
    /// # Errors
    /// When it cannot be reached; whether it was replaced is then unknown, and is taken as done.
    fn replace(&self, lane: Lane, version: i64, text: String) -> BoxFuture<'_, Result<bool, AllowanceError>>;
}

/// The ledger could not be had.
#[derive(Debug, thiserror::Error)]
pub enum AllowanceError {
    /// The place where it is kept failed.
    #[error("the shared budget cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No answer in time.
    #[error("the shared budget did not answer in time")]
    Slow,
    /// Others were first each time.
    #[error("too many draw from the shared budget at once")]
    Contended,
}

impl AllowanceError {
    /// The place where the ledger is kept failed.
    pub fn unreachable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unreachable(source.into())
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
