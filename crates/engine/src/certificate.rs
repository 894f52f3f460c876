//! The certificate: what the API said there is, what was fetched and stored, what is missing and why.
//!
//! It says *complete* only when every check below it holds; the reasons against are listed by name. The summary
//! is kept with the run; the hashes of single conversations are written from the store, one by one, when the
//! certificate is written to a file, and are bound to the summary by the hash over all.

mod build;
mod html;
mod read;
mod types;
mod write;

pub(crate) use build::{Findings, build};
pub use html::write_html;
pub use read::{ConversationLine, Reader};
pub use types::{Certificate, FORMAT, FailureLine, KindLine, WindowLine};
pub use write::{OverallHash, write_json};
