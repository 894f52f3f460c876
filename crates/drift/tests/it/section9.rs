//! The points on which Drift's pages, clients and answers contradict each other, one test a row.
//!
//! The rows are those of the table in the project's page on the Drift API; rows 25 and 27 to 31 are about webhooks.

mod accounts;
mod contacts;
mod conversations;
mod lists;
mod messages;
mod scim;
mod statuses;
mod tokens;
mod transcripts;
mod users;
