//! Contacts: the people on the site's side.

mod contact;
mod contacts_by_email;
mod contacts_by_external_id;
mod create_contact;
mod update_contact;
mod normalize_contact;
mod delete_contact;
mod post_timeline_event;
mod contact_attributes;
mod unsubscribe_emails;
mod add_contact_tags;
mod remove_contact_tag;
mod remove_contact_tags;

pub use create_contact::ContactAttributes;
pub use normalize_contact::ContactIdKind;
pub use post_timeline_event::{ContactKey, NewTimelineEvent};
