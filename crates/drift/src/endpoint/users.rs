//! Users and their booked meetings.

mod user;
mod users_by_id;
mod users;
mod update_user;
mod meetings;

pub use update_user::UserChanges;
