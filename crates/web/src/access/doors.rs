//! Doors: the only way to add a route, each with what it asks for.
//!
//! The order at a door is fixed: who comes, whether a browser's request is forged, which organization is meant, whether the
//! caller may, and whether the password must be shown again. Nothing of the request is acted on before all of that.

use std::net::IpAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, State};
use axum::middleware::{Next as Inside, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use http::header::{SET_COOKIE, STRICT_TRANSPORT_SECURITY};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use model::{OrgId, Permission};
use serde::Deserialize;
use store::StoreError;
use store::access::Token;
use store::audit::{ActorKind, Who};

use super::caller::{Caller, Shown, meet};
use super::cookies::{self, Cookie};
use super::forged::{self, Forged};
use super::next::Next;
use super::{Access, org};
use crate::api::ask::Query;
use crate::api::problem::{Failed, store_status};
use crate::pages;
use crate::serve::Peer;

/// What a door asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: whoever comes may pass. What is behind guards itself, or tells nothing.
    Public,
    /// To be known; what is behind looks at what the caller may see.
    SignedIn,
    /// To be known, and to have shown the password a short while ago.
    SteppedUp,
    /// A permission in the organization that the request is about.
    InOrg(Permission),
    /// A permission in every organization.
    Everywhere(Permission),
    /// A permission in some organization: in the one that is named, which need not be connected yet, where one is.
    Somewhere(Permission),
    /// The same, and to have shown the password a short while ago.
    SomewhereAgain(Permission),
}

/// Whom a door answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Programs: refusals are JSON.
    Machine,
    /// Browsers: refusals are pages, or lead to signing in.
    Page,
}

/// One route with its door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// In small letters.
    pub method: &'static str,
    /// With `{name}` for what is variable.
    pub path: &'static str,
    /// What the door asks for.
    pub needs: Needs,
    /// Whom it answers.
    pub surface: Surface,
}

/// Routes behind their doors.
pub(crate) struct Opened {
    pub(crate) router: Router,
    pub(crate) declared: Vec<Declared>,
}

/// Routes that are being put behind doors.
pub(crate) struct Doors<S> {
    access: Access,
    surface: Surface,
    router: Router<S>,
    declared: Vec<Declared>,
}

impl<S: Clone + Send + Sync + 'static> Doors<S> {
    pub(crate) fn new(access: &Access, surface: Surface) -> Self {
        Self { access: access.clone(), surface, router: Router::new(), declared: Vec::new() }
    }

    /// Hang a route behind its door.
    pub(crate) fn at(
        mut self,
        (method, path): (&'static str, &'static str),
        needs: Needs,
        answers: MethodRouter<S>,
    ) -> Self {
        let door = Door { access: self.access.clone(), surface: self.surface, needs };
        // What programs reach without a key stays free of whatever a door costs: the gateway answers thousands a second.
        let answers = match (self.surface, needs) {
            (Surface::Machine, Needs::Public) => answers,
            _ => answers.route_layer(from_fn_with_state(door, pass)),
        };
        self.router = self.router.route(path, answers);
        self.declared.push(Declared { method, path, needs, surface: self.surface });
        self
    }

    pub(crate) fn open(self, state: S) -> Opened {
        Opened { router: self.router.with_state(state), declared: self.declared }
    }
}

impl Opened {
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.declared.extend(other.declared);
        Self { router: self.router.merge(other.router), declared: self.declared }
    }
}

/// What a handler is told of whoever came.
#[derive(Debug, Clone)]
pub(crate) struct Meeting {
    pub(crate) caller: Option<Caller>,
    /// What the forms of the answer carry.
    pub(crate) csrf: String,
    pub(crate) https: bool,
    pub(crate) address: Option<IpAddr>,
}

impl Meeting {
    /// Who the audit says it was, and from where.
    pub(crate) fn actor(&self) -> Who {
        let nobody = || Who::new(ActorKind::Nobody, "");
        let who = self.caller.as_ref().map_or_else(nobody, Caller::actor);
        match self.address {
            Some(address) => who.from(address.to_string()),
            None => who,
        }
    }
}

/// The organization that a request is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OfOrg(pub(crate) OrgId);

#[derive(Clone)]
struct Door {
    access: Access,
    surface: Surface,
    needs: Needs,
}

/// Why somebody does not pass.
enum Refused {
    /// Not known.
    Unknown,
    Forged(Forged),
    /// Known, of the organization, and without the permission.
    Forbidden(Permission),
    /// The password must be shown again.
    StepUp,
    Failed(Failed),
}

/// Cookies that go with the answer.
struct Keep {
    renewed: Option<Token>,
    visit: Option<Token>,
    https: bool,
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match store_status(&error) {
            StatusCode::INTERNAL_SERVER_ERROR => Self::Failed(Failed::inside(&error)),
            status => Self::Failed(Failed::new(status, "the store does not answer in time")),
        }
    }
}

async fn pass(State(door): State<Door>, request: Request<Body>, inside: Inside) -> Response {
    let (method, asked) = (request.method().clone(), request.uri().path_and_query().cloned());
    let peer = request.extensions().get::<Peer>().copied();
    let https = door.access.is_https(peer, request.headers());
    let mut response = match door.admit(request).await {
        Ok((request, keep)) => {
            let mut response = inside.run(request).await;
            keep.put(response.headers_mut());
            response
        }
        Err(refused) => {
            let asked = asked.as_ref().map_or("/", |asked| asked.as_str());
            door.refuse(refused, &method, &Next::parse(asked))
        }
    };
    if https {
        // Over TLS a browser comes back by TLS alone.
        let year = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

impl Door {
    async fn admit(&self, mut request: Request<Body>) -> Result<(Request<Body>, Keep), Refused> {
        let peer = request.extensions().get::<Peer>().copied();
        let https = self.access.is_https(peer, request.headers());
        let address = self.access.address(peer, request.headers());
        let (caller, renewed, by_key) = match meet(&self.access, request.headers(), https).await? {
            Shown::Nothing | Shown::Wrong => (None, None, false),
            Shown::Key(caller) => (Some(caller), None, true),
            Shown::Session(caller, renewed) => (Some(caller), renewed, false),
        };
        if caller.is_none() && self.needs != Needs::Public {
            return Err(Refused::Unknown);
        }
        let (csrf, visit) = self.text(caller.as_ref(), request.headers(), https);
        if !by_key && forged::is_unsafe(request.method()) {
            let public_url = self.access.options.public_url.as_ref();
            request = forged::check(request, &csrf, public_url).await.map_err(Refused::Forged)?;
        }
        if let Some(caller) = &caller
            && let Some(org) = self.permit(caller, &mut request).await?
        {
            request.extensions_mut().insert(OfOrg(org));
        }
        request.extensions_mut().insert(Meeting { caller, csrf, https, address });
        Ok((request, Keep { renewed, visit, https }))
    }

    /// The text for forms, and a visit that begins with this request.
    fn text(&self, caller: Option<&Caller>, headers: &HeaderMap, https: bool) -> (String, Option<Token>) {
        if let Some(session) = caller.and_then(|caller| caller.session.as_ref()) {
            return (session.csrf.clone(), None);
        }
        match cookies::read(headers, Cookie::Visit, https) {
            Some(visit) => (forged::text_of_visit(&visit), None),
            None => {
                let visit = Token::generate("", self.access.entropy.as_ref());
                (forged::text_of_visit(&visit), Some(visit))
            }
        }
    }

    /// Whether the caller may; the organization that is meant, where the door is about one.
    async fn permit(&self, caller: &Caller, request: &mut Request<Body>) -> Result<Option<OrgId>, Refused> {
        let (permission, org) = match self.needs {
            Needs::Public | Needs::SignedIn => return Ok(None),
            Needs::SteppedUp if caller.is_stepped_up(self.access.clock.now()) => return Ok(None),
            Needs::SteppedUp => return Err(Refused::StepUp),
            Needs::Everywhere(permission) if caller.may_everywhere(permission) => (permission, None),
            Needs::Everywhere(permission) => return Err(Refused::Forbidden(permission)),
            Needs::Somewhere(permission) | Needs::SomewhereAgain(permission) => {
                let org = wanted(request).await?;
                if let Some(org) = org.filter(|org| !caller.sees(*org)) {
                    return Err(Refused::Failed(org::unseen(org)));
                }
                let may = match org {
                    Some(org) => caller.may(org, permission),
                    None => caller.may_somewhere(permission),
                };
                if !may {
                    return Err(Refused::Forbidden(permission));
                }
                let again = matches!(self.needs, Needs::SomewhereAgain(_));
                if again && !caller.is_stepped_up(self.access.clock.now()) {
                    return Err(Refused::StepUp);
                }
                (permission, org)
            }
            Needs::InOrg(permission) => {
                let wanted = wanted(request).await?;
                let org = org::meant(&self.access.db, caller, wanted).await;
                let org = org.map_err(|error| Refused::Failed(error.into()))?;
                if !caller.may(org, permission) {
                    return Err(Refused::Forbidden(permission));
                }
                (permission, Some(org))
            }
        };
        if permission.needs_step_up() && !caller.is_stepped_up(self.access.clock.now()) {
            return Err(Refused::StepUp);
        }
        Ok(org)
    }

    fn refuse(&self, refused: Refused, method: &Method, asked: &Next) -> Response {
        match self.surface {
            Surface::Machine => machine(refused).into_response(),
            Surface::Page => page(refused, method, asked),
        }
    }
}

#[derive(Deserialize)]
struct Wanted {
    org: Option<OrgId>,
}

async fn wanted(request: &mut Request<Body>) -> Result<Option<OrgId>, Refused> {
    let (mut parts, body) = std::mem::take(request).into_parts();
    let read = Query::<Wanted>::from_request_parts(&mut parts, &()).await;
    *request = Request::from_parts(parts, body);
    read.map(|Query(wanted)| wanted.org).map_err(Refused::Failed)
}

fn machine(refused: Refused) -> Failed {
    match refused {
        Refused::Unknown => Failed::new(StatusCode::UNAUTHORIZED, "the key is missing or wrong").hint(
            "send the header Authorization: Bearer with an API key or the server's LONGSHORE_ADMIN_TOKEN",
        ),
        Refused::Forged(_) => {
            Failed::new(StatusCode::FORBIDDEN, "the request did not come from a page of this server")
                .hint("send the session's text in the header X-CSRF-Token")
        }
        Refused::Forbidden(permission) => {
            Failed::new(StatusCode::FORBIDDEN, format!("this needs the permission {permission}"))
        }
        Refused::StepUp => {
            Failed::new(StatusCode::FORBIDDEN, "this needs the password to have been shown again")
                .hint("open /step-up in the browser first")
        }
        Refused::Failed(failed) => failed,
    }
}

fn page(refused: Refused, method: &Method, asked: &Next) -> Response {
    let back = if forged::is_unsafe(method) { asked.page_of_form() } else { asked.clone() };
    match refused {
        Refused::Unknown => pages::see(&Next::with_next("/sign-in", &back)),
        Refused::StepUp => pages::see(&Next::with_next("/step-up", &back)),
        Refused::Forged(Forged::Large) => pages::problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            "This form is too large",
            "No form of this server is.",
        ),
        Refused::Forged(Forged::OtherSite) => pages::problem(
            StatusCode::FORBIDDEN,
            "This did not come from Longshore",
            "Another site tried to send a form in your name. Nothing was done.",
        ),
        Refused::Forged(Forged::Text) => pages::problem(
            StatusCode::FORBIDDEN,
            "This form is out of date",
            "Nothing was done. Go back, load the page again, and send the form once more.",
        ),
        Refused::Forbidden(_) => pages::problem(
            StatusCode::FORBIDDEN,
            "You may not see this",
            "Your role does not allow it. Whoever runs this server can change that.",
        ),
        Refused::Failed(failed) => {
            pages::problem(failed.status(), "This page cannot be shown", &failed.to_string())
        }
    }
}

impl Keep {
    /// A handler that began or renewed the session has set its own cookie, which stands.
    fn put(self, headers: &mut HeaderMap) {
        let own =
            headers.get_all(SET_COOKIE).iter().any(|line| cookies::is_of(line, Cookie::Session, self.https));
        if let Some(renewed) = self.renewed.filter(|_| !own) {
            cookies::set(headers, Cookie::Session, self.https, &renewed);
        }
        if let Some(visit) = self.visit {
            cookies::set(headers, Cookie::Visit, self.https, &visit);
        }
    }
}
