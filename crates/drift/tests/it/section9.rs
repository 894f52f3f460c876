//! The points on which Drift's pages, clients and answers contradict each other, one test a row.
//!
//! The rows are those of the table in the project's page on the Drift API.

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
mod webhooks;
