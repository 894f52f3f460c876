//! The legacy collector of events, which takes no token.

mod track;
mod track_all;
mod identify;
mod identify_all;
