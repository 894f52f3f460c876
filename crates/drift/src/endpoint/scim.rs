//! Provisioning of users by SCIM 2.0.

mod create_scim_user;
mod delete_scim_user;
mod patch_scim_user;
mod replace_scim_user;
mod scim_user;
mod scim_users;

pub use scim_users::ScimQuery;
