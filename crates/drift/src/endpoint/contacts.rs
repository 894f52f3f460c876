//! Contacts: the people on the site's side.

mod add_contact_tags;
mod contact;
mod contact_attributes;
mod contacts_by_email;
mod contacts_by_external_id;
mod create_contact;
mod delete_contact;
mod normalize_contact;
mod post_timeline_event;
mod remove_contact_tag;
mod remove_contact_tags;
mod unsubscribe_emails;
mod update_contact;

pub use create_contact::ContactAttributes;
pub use normalize_contact::ContactIdKind;
pub use post_timeline_event::{ContactKey, NewTimelineEvent};
