//! The legacy collector of events, which takes no token.

mod identify;
mod identify_all;
mod track;
mod track_all;
