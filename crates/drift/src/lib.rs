//! A Rust SDK for the Drift API: typed endpoints, resumable pages, OAuth, pace.
