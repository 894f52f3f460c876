//! Tokens that several nodes share: each with a store, a client and callers of its own over one database.

mod calls;
mod deaths;
mod node;
mod outage;
