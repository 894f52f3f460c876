//! Teams of users.

#[expect(clippy::module_inception, reason = "a file has the name of its function")]
mod teams;
mod user_teams;
