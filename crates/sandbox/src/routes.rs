//! The table of routes: what there is, what it needs, who answers.
//!
//! One row an endpoint, in the order of Drift's pages. The scopes of teams, SCIM, reports, tags, unsubscribe, stats
//! and attachments are not documented; the table says what we ask for. A path that is not in the table is a 404
//! `not_found`, and so is a method that a path does not have.

mod accounts;
mod contacts;
mod conversations;
mod directory;
mod events;
mod gdpr;
mod list;
mod scim;
mod users;

use http::Method;

use crate::answer::Answered;
use crate::call::{Call, Host, PARAMS_MAX};
use crate::oauth;
use crate::sandbox::Inner;
use crate::scope::Scope;

pub(crate) use list::page_offset;

/// What answers a route.
type Handler = fn(&Inner, &Call<'_>) -> Answered;

/// What a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing.
    Open,
    /// Any living token.
    Token,
    /// A living token with this scope.
    Scope(Scope),
}

/// Which bucket a call is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    /// None: consent pages and tokens.
    Free,
    /// The organization's.
    General,
    /// The organization's, and the one of the reports as well.
    Reports,
}

/// One endpoint.
pub(crate) struct Route {
    /// Method and pattern, as the log's totals show it.
    pub(crate) name: &'static str,
    pub(crate) access: Access,
    pub(crate) budget: Budget,
    pub(crate) handler: Handler,
    method: &'static str,
    pattern: &'static str,
}

macro_rules! routes {
    ($($method:ident $pattern:literal $access:expr, $budget:ident => $handler:path;)*) => {
        &[$(Route {
            name: concat!(stringify!($method), " ", $pattern),
            access: $access,
            budget: Budget::$budget,
            handler: $handler,
            method: stringify!($method),
            pattern: $pattern,
        }),*]
    };
}

const fn needs(scope: Scope) -> Access {
    Access::Scope(scope)
}

/// All endpoints. Of two that fit, the first one counts.
pub(crate) static ROUTES: &[Route] = routes! {
    GET "/conversations/list" needs(Scope::ConversationRead), General => list::list;
    GET "/conversations/stats" needs(Scope::ConversationRead), General => conversations::stats;
    GET "/conversations/{id}" needs(Scope::ConversationRead), General => conversations::get;
    GET "/conversations/{id}/messages" needs(Scope::ConversationRead), General => conversations::messages;
    POST "/conversations/{id}/messages" needs(Scope::ConversationWrite), General => conversations::create_message;
    POST "/conversations/new" needs(Scope::ConversationWrite), General => conversations::create;
    GET "/conversations/{id}/transcript" needs(Scope::ConversationRead), General => conversations::transcript;
    GET "/conversations/{id}/json_transcript" needs(Scope::ConversationRead), General => conversations::json_transcript;
    GET "/attachments/{id}/data" needs(Scope::ConversationRead), General => conversations::attachment;
    POST "/reports/conversations" needs(Scope::ConversationRead), Reports => conversations::report;
    POST "/reports/conversation-summary" needs(Scope::ConversationRead), Reports => conversations::summary;
    GET "/contacts/attributes" needs(Scope::AllContactRead), General => contacts::attributes;
    GET "/contacts/{id}" needs(Scope::ContactRead), General => contacts::get;
    GET "/contacts" needs(Scope::ContactRead), General => contacts::find;
    POST "/contacts" needs(Scope::ContactWrite), General => contacts::create;
    PATCH "/contacts/normalize" needs(Scope::ContactWrite), General => contacts::normalize;
    PATCH "/contacts/{id}" needs(Scope::ContactWrite), General => contacts::update;
    DELETE "/contacts/{id}" needs(Scope::ContactWrite), General => contacts::delete;
    POST "/contacts/timeline" needs(Scope::ContactWrite), General => contacts::timeline;
    POST "/contacts/{id}/tags" needs(Scope::ContactWrite), General => contacts::add_tags;
    DELETE "/contacts/{id}/tags/{name}" needs(Scope::ContactWrite), General => contacts::remove_tag;
    POST "/contacts/{id}/tags/delete/_bulk" needs(Scope::ContactWrite), General => contacts::remove_tags;
    POST "/emails/unsubscribe" needs(Scope::ContactWrite), General => contacts::unsubscribe;
    GET "/users/list" needs(Scope::UserRead), General => users::list;
    GET "/users/meetings/org" needs(Scope::UserRead), General => users::meetings;
    GET "/users/{id}" needs(Scope::UserRead), General => users::get;
    GET "/users" needs(Scope::UserRead), General => users::by_id;
    PATCH "/users/update" needs(Scope::UserWrite), General => users::update;
    GET "/teams/org" Access::Token, General => users::teams;
    GET "/teams/users/{id}" Access::Token, General => users::teams_of;
    GET "/accounts" needs(Scope::AccountRead), General => accounts::list;
    POST "/accounts/create" needs(Scope::AccountWrite), General => accounts::create;
    PATCH "/accounts/update" needs(Scope::AccountWrite), General => accounts::update;
    GET "/accounts/{id}" needs(Scope::AccountRead), General => accounts::get;
    DELETE "/accounts/{id}" needs(Scope::AccountWrite), General => accounts::delete;
    GET "/playbooks/list" needs(Scope::PlaybookRead), General => directory::playbooks;
    GET "/playbooks/clp" needs(Scope::PlaybookRead), General => directory::landing_pages;
    POST "/gdpr/retrieve" needs(Scope::GdprRead), General => gdpr::retrieve;
    POST "/gdpr/delete" needs(Scope::GdprWrite), General => gdpr::delete;
    GET "/scim/Users" needs(Scope::UserRead), General => scim::list;
    GET "/scim/Users/{id}" needs(Scope::UserRead), General => scim::get;
    POST "/scim/Users" needs(Scope::UserWrite), General => scim::create;
    PUT "/scim/Users/{id}" needs(Scope::UserWrite), General => scim::replace;
    PATCH "/scim/Users/{id}" needs(Scope::UserWrite), General => scim::patch;
    DELETE "/scim/Users/{id}" needs(Scope::UserWrite), General => scim::delete;
    POST "/app/token_info" Access::Open, General => oauth::token_info;
    POST "/app/uninstall" Access::Token, General => oauth::uninstall;
    POST "/oauth2/token" Access::Open, Free => oauth::token;
    GET "/authorize" Access::Open, Free => oauth::consent_page;
    POST "/authorize" Access::Open, Free => oauth::decide;
    GET "/" Access::Open, Free => directory::start_page;
};

/// Endpoints of `event.api.drift.com`; its callers carry an `orgId` and no token.
static EVENT_ROUTES: &[Route] = routes! {
    POST "/track" Access::Open, Free => events::one;
    POST "/track/multi" Access::Open, Free => events::many;
    POST "/identify" Access::Open, Free => events::one;
    POST "/identify/multi" Access::Open, Free => events::many;
};

/// The endpoint for a request, with the variable parts of its path.
///
/// `/v1/conversations/…` is served like `/conversations/…`: older samples call it so.
pub(crate) fn find<'a>(
    host: Host,
    method: &Method,
    path: &'a str,
) -> Option<(&'static Route, [&'a str; PARAMS_MAX])> {
    let table = if host == Host::Event { EVENT_ROUTES } else { ROUTES };
    let path = if path.starts_with("/v1/conversations/") { &path[3..] } else { path };
    let path = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
    let of_method = table.iter().filter(|route| route.method == method.as_str());
    of_method.filter_map(|route| Some((route, parts(route.pattern, path)?))).next()
}

/// The variable parts of a path, if it has the pattern's form.
fn parts<'a>(pattern: &str, path: &'a str) -> Option<[&'a str; PARAMS_MAX]> {
    let mut params = [""; PARAMS_MAX];
    let mut filled = 0;
    let mut path = path.split('/');
    for wanted in pattern.split('/') {
        let part = path.next()?;
        if wanted.starts_with('{') && !part.is_empty() {
            *params.get_mut(filled)? = part;
            filled += 1;
        } else if wanted != part {
            return None;
        }
    }
    path.next().is_none().then_some(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: Method, path: &str) -> Option<(&'static str, [&str; PARAMS_MAX])> {
        find(Host::Main, &method, path).map(|(route, params)| (route.name, params))
    }

    #[test]
    fn literal_paths_come_before_ids() {
        assert_eq!(found(Method::GET, "/conversations/list"), Some(("GET /conversations/list", ["", ""])));
        assert_eq!(found(Method::GET, "/v1/conversations/12"), Some(("GET /conversations/{id}", ["12", ""])));
        assert_eq!(found(Method::GET, "/contacts/attributes"), Some(("GET /contacts/attributes", ["", ""])));
        assert_eq!(
            found(Method::DELETE, "/contacts/5/tags/vip%20x"),
            Some(("DELETE /contacts/{id}/tags/{name}", ["5", "vip%20x"]))
        );
    }

    #[test]
    fn what_is_not_documented_is_not_there() {
        for (method, path) in [
            (Method::GET, "/conversations"),
            (Method::GET, "/v1/contacts/5"),
            (Method::POST, "/contacts/5"),
            (Method::GET, "/conversations//messages"),
            (Method::POST, "/track"),
        ] {
            assert_eq!(found(method, path), None, "{path}");
        }
        assert!(find(Host::Event, &Method::POST, "/track").is_some());
    }
}
