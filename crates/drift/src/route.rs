//! What can be asked of Drift: every endpoint with the scope it needs and what it opens. The one place that joins scopes
//! to what they open; whoever tells what a leaked token could read, or what a token was used for, reads it here.
//!
//! A test of the endpoints holds each call's method, path and scope to this table.

use std::fmt;

use http::Method;

use crate::Scope;

/// What an endpoint opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Opens {
    /// Conversations: who, when, which status.
    Conversations,
    /// What was said, transcripts included.
    Messages,
    /// Files that were sent.
    Attachments,
    /// Numbers about conversations.
    Reports,
    /// People who wrote, with their attributes.
    Contacts,
    /// The names of the attributes that people have.
    Attributes,
    /// People of the organization.
    Users,
    /// Booked meetings.
    Meetings,
    /// Teams and who is in them.
    Teams,
    /// Companies.
    Accounts,
    /// Playbooks and landing pages.
    Playbooks,
    /// Everything Drift has of one person: a copy by mail, or its erasure.
    Person,
    /// The app's own token.
    App,
    /// The collector of events.
    Events,
}

impl Opens {
    /// The word it goes by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Messages => "messages",
            Self::Attachments => "attachments",
            Self::Reports => "reports",
            Self::Contacts => "contacts",
            Self::Attributes => "attributes",
            Self::Users => "users",
            Self::Meetings => "meetings",
            Self::Teams => "teams",
            Self::Accounts => "accounts",
            Self::Playbooks => "playbooks",
            Self::Person => "person",
            Self::App => "app",
            Self::Events => "events",
        }
    }
}

/// Whether an endpoint only tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// It tells.
    Read,
    /// It makes, changes or deletes.
    Write,
}

/// One endpoint.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path, with `{id}` for what is variable.
    pub path: &'static str,
    /// The scope it needs, where one is documented.
    pub scope: Option<Scope>,
    /// What it opens.
    pub opens: Opens,
    /// Whether it only tells.
    pub way: Way,
}

const fn route(
    method: &'static str,
    path: &'static str,
    scope: Option<Scope>,
    opens: Opens,
    way: Way,
) -> Route {
    Route { method, path, scope, opens, way }
}

use Opens::{
    Accounts, App, Attachments, Attributes, Contacts, Conversations, Events, Meetings, Messages, Person,
    Playbooks, Reports, Teams, Users,
};
use Scope::{
    AccountRead, AccountWrite, AllContactRead, ContactRead, ContactWrite, ConversationRead,
    ConversationWrite, GdprRead, GdprWrite, PlaybookRead, UserRead, UserWrite,
};
use Way::{Read, Write};

impl Route {
    /// Every endpoint; of two that fit a path the first holds.
    pub const ALL: &'static [Self] = &[
        route("GET", "/conversations/list", Some(ConversationRead), Conversations, Read),
        route("GET", "/conversations/stats", Some(ConversationRead), Reports, Read),
        route("POST", "/conversations/new", Some(ConversationWrite), Conversations, Write),
        route("GET", "/conversations/{id}", Some(ConversationRead), Conversations, Read),
        route("GET", "/conversations/{id}/messages", Some(ConversationRead), Messages, Read),
        route("POST", "/conversations/{id}/messages", Some(ConversationWrite), Messages, Write),
        route("GET", "/conversations/{id}/transcript", Some(ConversationRead), Messages, Read),
        route("GET", "/conversations/{id}/json_transcript", Some(ConversationRead), Messages, Read),
        route("GET", "/attachments/{id}/data", Some(ConversationRead), Attachments, Read),
        route("POST", "/reports/conversations", Some(ConversationRead), Reports, Read),
        route("POST", "/reports/conversation-summary", Some(ConversationRead), Reports, Read),
        route("GET", "/contacts/attributes", Some(AllContactRead), Attributes, Read),
        route("POST", "/contacts/timeline", Some(ContactWrite), Contacts, Write),
        route("PATCH", "/contacts/normalize", Some(ContactWrite), Contacts, Write),
        route("GET", "/contacts", Some(ContactRead), Contacts, Read),
        route("POST", "/contacts", Some(ContactWrite), Contacts, Write),
        route("GET", "/contacts/{id}", Some(ContactRead), Contacts, Read),
        route("PATCH", "/contacts/{id}", Some(ContactWrite), Contacts, Write),
        route("DELETE", "/contacts/{id}", Some(ContactWrite), Contacts, Write),
        route("POST", "/contacts/{id}/tags", None, Contacts, Write),
        route("DELETE", "/contacts/{id}/tags/{id}", None, Contacts, Write),
        route("POST", "/contacts/{id}/tags/delete/_bulk", None, Contacts, Write),
        route("POST", "/emails/unsubscribe", None, Contacts, Write),
        route("GET", "/users", Some(UserRead), Users, Read),
        route("GET", "/users/list", Some(UserRead), Users, Read),
        route("GET", "/users/meetings/org", Some(UserRead), Meetings, Read),
        route("GET", "/users/{id}", Some(UserRead), Users, Read),
        route("PATCH", "/users/update", Some(UserWrite), Users, Write),
        route("GET", "/teams/org", None, Teams, Read),
        route("GET", "/teams/users/{id}", None, Teams, Read),
        route("GET", "/accounts", Some(AccountRead), Accounts, Read),
        route("GET", "/accounts/{id}", Some(AccountRead), Accounts, Read),
        route("POST", "/accounts/create", Some(AccountWrite), Accounts, Write),
        route("PATCH", "/accounts/update", Some(AccountWrite), Accounts, Write),
        route("DELETE", "/accounts/{id}", Some(AccountWrite), Accounts, Write),
        route("GET", "/playbooks/list", Some(PlaybookRead), Playbooks, Read),
        route("GET", "/playbooks/clp", Some(PlaybookRead), Playbooks, Read),
        route("POST", "/gdpr/retrieve", Some(GdprRead), Person, Read),
        route("POST", "/gdpr/delete", Some(GdprWrite), Person, Write),
        route("GET", "/scim/Users", None, Users, Read),
        route("POST", "/scim/Users", None, Users, Write),
        route("GET", "/scim/Users/{id}", None, Users, Read),
        route("PUT", "/scim/Users/{id}", None, Users, Write),
        route("PATCH", "/scim/Users/{id}", None, Users, Write),
        route("DELETE", "/scim/Users/{id}", None, Users, Write),
        route("POST", "/app/token_info", None, App, Read),
        route("POST", "/app/uninstall", None, App, Write),
        route("POST", "/oauth2/token", None, App, Write),
        route("POST", "/track", None, Events, Write),
        route("POST", "/track/multi", None, Events, Write),
        route("POST", "/identify", None, Events, Write),
        route("POST", "/identify/multi", None, Events, Write),
    ];

    /// The endpoint of a method and a path without its query; `None` for one that is not known here.
    #[must_use]
    pub fn of(method: &Method, path: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|route| route.method == method.as_str() && route.fits(path))
    }

    /// The endpoint that [`Route`] prints as this.
    #[must_use]
    pub fn named(text: &str) -> Option<&'static Self> {
        let (method, path) = text.split_once(' ')?;
        Self::ALL.iter().find(|route| route.method == method && route.path == path)
    }

    fn fits(&self, path: &str) -> bool {
        let (mut ours, mut theirs) = (self.path.split('/'), path.split('/'));
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some("{id}"), Some(found)) if !found.is_empty() => {}
                (Some(part), Some(found)) if part == found => {}
                _ => return false,
            }
        }
    }
}

/// `GET /contacts/{id}`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(method: Method, path: &str) -> Option<String> {
        Route::of(&method, path).map(ToString::to_string)
    }

    #[test]
    fn an_endpoint_is_found_by_its_path_and_by_its_name() {
        let check = |method, path, expected| assert_eq!(name(method, path).as_deref(), expected, "{path}");
        check(Method::GET, "/contacts/17", Some("GET /contacts/{id}"));
        check(Method::GET, "/contacts/attributes", Some("GET /contacts/attributes"));
        check(Method::GET, "/conversations/1/messages", Some("GET /conversations/{id}/messages"));
        check(Method::DELETE, "/contacts/1/tags/a%2Fb", Some("DELETE /contacts/{id}/tags/{id}"));
        check(Method::GET, "/contacts/", None);
        check(Method::GET, "/contacts/1/2", None);
        check(Method::PUT, "/contacts/1", None);
        for route in Route::ALL {
            assert_eq!(Route::named(&route.to_string()), Some(route));
        }
        assert_eq!(Route::named("GET"), None);
    }

    #[test]
    fn every_scope_opens_something() {
        for scope in Scope::ALL {
            assert!(Route::ALL.iter().any(|route| route.scope == Some(*scope)), "{scope}");
        }
    }
}
