//! Users and their booked meetings.

mod meetings;
mod update_user;
mod user;
#[expect(clippy::module_inception, reason = "a file has the name of its function")]
mod users;
mod users_by_id;

pub use update_user::UserChanges;
