//! A person's data: retrieval and erasure.

mod gdpr_retrieve;
mod gdpr_delete;
