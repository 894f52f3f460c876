//! Accounts: the companies.

mod create_account;
mod account;
mod accounts;
mod update_account;
mod delete_account;

pub use create_account::NewAccount;
pub use update_account::AccountChanges;
