//! Users and their booked meetings.

mod meetings;
mod update_user;
mod user;
mod users;
mod users_by_id;

pub use update_user::UserChanges;
