//! Exports of whole stores, on SQLite and on PostgreSQL.

mod export;
mod fixture;
mod speed;
