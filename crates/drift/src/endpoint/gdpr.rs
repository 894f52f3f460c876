//! A person's data: retrieval and erasure.

mod gdpr_delete;
mod gdpr_retrieve;
