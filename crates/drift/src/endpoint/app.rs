//! The app itself: what its token may do, and the end of its installation.

mod token_info;
mod uninstall;
