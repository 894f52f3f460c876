//! Provisioning of users by SCIM 2.0.

mod scim_users;
mod scim_user;
mod create_scim_user;
mod replace_scim_user;
mod patch_scim_user;
mod delete_scim_user;

pub use scim_users::ScimQuery;
