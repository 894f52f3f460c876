//! Playbooks and landing pages.

mod landing_pages;
#[expect(clippy::module_inception, reason = "a file has the name of its function")]
mod playbooks;
