//! Teams of users.

mod teams;
mod user_teams;
