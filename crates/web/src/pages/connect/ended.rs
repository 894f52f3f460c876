//! The ways on which no connection comes about, each with a page that says what to do.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use crate::access::Meeting;
use crate::install::NotConnected;
use crate::pages::{Frame, show};

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Somebody said no at Drift.
    Denied,
    /// Drift says that something went wrong there.
    Failed,
    /// It cannot be an answer of Drift's.
    Malformed,
    /// No consent of that text was ever asked for.
    Forged,
    /// It was answered before.
    Replayed,
    /// It took too long.
    Late,
    /// Another browser asked for it.
    OtherBrowser,
    /// Whoever asked is not signed in here any more.
    SignedOut,
    /// Whoever asked may not connect any more.
    NotAllowed,
    /// The link is good no more.
    LinkOver,
    /// Drift does not take the code.
    CodeRefused,
    /// The grant is of an organization that is not meant.
    OtherOrganization,
    /// Drift does not answer.
    ProviderDown,
    /// Something failed inside.
    Inside,
}

/// How somebody came here, and so where to begin again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    User,
    Link,
}

impl From<NotConnected> for Ended {
    fn from(why: NotConnected) -> Self {
        match why {
            NotConnected::Refused => Self::CodeRefused,
            NotConnected::NotAdmitted => Self::OtherOrganization,
            NotConnected::Unreachable => Self::ProviderDown,
            NotConnected::Inside => Self::Inside,
        }
    }
}

impl Ended {
    const fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::Forged | Self::CodeRefused => StatusCode::BAD_REQUEST,
            Self::Denied
            | Self::OtherBrowser
            | Self::SignedOut
            | Self::NotAllowed
            | Self::OtherOrganization => StatusCode::FORBIDDEN,
            Self::Replayed => StatusCode::CONFLICT,
            Self::Late | Self::LinkOver => StatusCode::GONE,
            Self::Failed | Self::ProviderDown => StatusCode::BAD_GATEWAY,
            Self::Inside => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Denied => "Drift was not connected",
            Self::Failed => "Drift could not ask",
            Self::Malformed => "This is not an answer of Drift's",
            Self::Forged => "Nobody asked for this here",
            Self::Replayed => "This answer was used before",
            Self::Late => "That took too long",
            Self::OtherBrowser => "This began in another browser",
            Self::SignedOut => "You are not signed in any more",
            Self::NotAllowed => "You may not connect organizations",
            Self::LinkOver => "This link is not good any more",
            Self::CodeRefused => "Drift did not take the answer back",
            Self::OtherOrganization => "This is another Drift organization",
            Self::ProviderDown => "Drift does not answer",
            Self::Inside => "Something failed here",
        }
    }

    /// What happened, and what to do.
    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Denied => (
                "Somebody chose not to allow it on Drift's page. Nothing was stored.",
                "If that was a slip, begin again and choose to allow it. It takes an administrator of the Drift organization.",
            ),
            Self::Failed => (
                "Drift says that something went wrong on its side. Nothing was stored.",
                "Begin again in a few minutes. If it stays so, check the app's id and its redirect address on Drift's page of the app.",
            ),
            Self::Malformed => (
                "The address that led here is incomplete or was changed on its way. Nothing was done with it.",
                "Begin again from the page below, and do not copy the address by hand.",
            ),
            Self::Forged => (
                "This answer belongs to no connection that was begun on this server. Nothing was done with it.",
                "If you did not begin to connect Drift yourself, close this page: somebody may have sent you here. Otherwise begin again.",
            ),
            Self::Replayed => (
                "An answer counts once. The first time may have worked: the list of connections shows it.",
                "If Drift is not connected, begin again.",
            ),
            Self::Late => ("An answer is waited for ten minutes. Nothing was stored.", "Begin again."),
            Self::OtherBrowser => (
                "An answer counts only in the browser in which the connection was begun, so that nobody can put theirs in your place. Nothing was stored.",
                "Begin again, and stay in one browser. Let it keep cookies of this server.",
            ),
            Self::SignedOut => (
                "Whoever began this connection has to be signed in when it ends. Nothing was stored.",
                "Sign in and begin again.",
            ),
            Self::NotAllowed => (
                "Your role was changed while you were at Drift. Nothing was stored.",
                "Ask whoever runs this server.",
            ),
            Self::LinkOver => (
                "It has ended, was revoked, or has made all the connections it may. Nothing was stored.",
                "Ask whoever sent it to you for a new one.",
            ),
            Self::CodeRefused => (
                "Drift gave a code and then refused it: it was used before, took too long, or the app's secret is wrong. Nothing was stored, and an older connection goes on.",
                "Begin again. If it happens twice, whoever runs this server should check the app's id and secret.",
            ),
            Self::OtherOrganization => (
                "The access that was given is for an organization other than the one this is for. It was not stored, and an older connection goes on.",
                "Begin again, signed in to Drift as an administrator of the right organization.",
            ),
            Self::ProviderDown => (
                "The access was given, but Drift did not answer when it was to be taken up. Nothing was stored, and an older connection goes on.",
                "Begin again in a few minutes.",
            ),
            Self::Inside => (
                "The connection could not be stored. An older connection goes on.",
                "Begin again; if it stays so, whoever runs this server finds the reason in its log.",
            ),
        }
    }
}

#[derive(Template)]
#[template(path = "connect_ended.html")]
struct Page {
    frame: Frame,
    title: &'static str,
    message: &'static str,
    what_to_do: &'static str,
    again: &'static str,
}

/// The page.
pub(super) fn ended(meeting: &Meeting, why: Ended, way: Way) -> Response {
    let (title, (message, what_to_do)) = (why.title(), why.texts());
    let again = match way {
        Way::User => "/connect/drift",
        Way::Link => "/connect/drift/invited",
    };
    show(why.status(), &Page { frame: Frame::of(meeting), title, message, what_to_do, again })
}
