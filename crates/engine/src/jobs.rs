//! The jobs, one file each, and the registry by which a worker knows them.

mod archive;
pub(crate) mod asking;
mod compare;
pub(crate) mod deliver;
mod end_unused;
mod export;
pub(crate) mod fan_out;
mod fetch_attachments;
mod prune;
mod refresh_contact;
mod refresh_conversation;
mod refresh_meetings;
mod refresh_playbooks;
mod refresh_user;
mod revoke_connection;
mod sweep;
mod watch_vendor;

pub use archive::Archive;
pub use compare::Compare;
pub use deliver::Deliver;
pub use end_unused::EndUnused;
pub use export::Export;
pub use fan_out::FanOut;
pub use fetch_attachments::FetchAttachments;
pub use prune::Prune;
pub use refresh_contact::RefreshContact;
pub use refresh_conversation::RefreshConversation;
pub use refresh_meetings::RefreshMeetings;
pub use refresh_playbooks::RefreshPlaybooks;
pub use refresh_user::RefreshUser;
pub use revoke_connection::RevokeConnection;
pub use sweep::Sweep;
pub use watch_vendor::WatchVendor;

use crate::job::Kind;

/// Every kind of job there is. A worker claims the kinds of its registry only, so that during an upgrade an older node leaves
/// alone what it does not know.
pub const REGISTRY: &[Kind] = &[
    Kind::of::<RefreshConversation>(),
    Kind::of::<RefreshContact>(),
    Kind::of::<RefreshUser>(),
    Kind::of::<RefreshMeetings>(),
    Kind::of::<RefreshPlaybooks>(),
    Kind::of::<FetchAttachments>(),
    Kind::of::<Archive>(),
    Kind::of::<Sweep>(),
    Kind::of::<Compare>(),
    Kind::of::<WatchVendor>(),
    Kind::of::<FanOut>(),
    Kind::of::<Deliver>(),
    Kind::of::<Prune>(),
    Kind::of::<RevokeConnection>(),
    Kind::of::<EndUnused>(),
    Kind::of::<Export>(),
];

/// The registry's own word for a stored kind, for metrics: their labels come from a closed set.
pub(crate) fn word(kind: &str) -> &'static str {
    REGISTRY.iter().find(|known| known.name == kind).map_or("other", |known| known.name)
}

#[cfg(test)]
mod tests {
    use store::queue::WITHOUT_PROVIDER;

    use super::*;

    #[test]
    fn what_goes_on_without_a_connection_is_in_the_registry() {
        for kind in WITHOUT_PROVIDER {
            assert!(REGISTRY.iter().any(|known| known.name == kind), "{kind}");
        }
    }
}
