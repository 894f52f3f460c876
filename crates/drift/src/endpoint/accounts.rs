//! Accounts: the companies.

mod account;
#[expect(clippy::module_inception, reason = "a file has the name of its function")]
mod accounts;
mod create_account;
mod delete_account;
mod update_account;

pub use create_account::NewAccount;
pub use update_account::AccountChanges;
