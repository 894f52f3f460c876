//! Playbooks and landing pages.

mod landing_pages;
mod playbooks;
