//! Playbooks and landing pages.

mod playbooks;
mod landing_pages;
