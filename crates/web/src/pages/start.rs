//! `GET /`: how the organizations fare that one may see.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use model::Permission;
use store::status::{self, Status};

use super::{Broken, Frame, Signed, show as render};
use crate::access::{Access, visible};

/// Organizations shown, at most.
const ORGANIZATIONS_MAX: usize = 50;

#[derive(Template)]
#[template(path = "start.html")]
struct Page {
    frame: Frame,
    organizations: Vec<Line>,
    /// Whether whoever looks may connect organizations.
    connects: bool,
}

struct Line {
    id: i64,
    /// Whether its connection may be looked at.
    connects: bool,
    /// Whether its conversations may be copied.
    exports: bool,
    received: i64,
    unrouted: i64,
    jobs: i64,
    dead: i64,
    pauses: usize,
    workers: i64,
    notices: Vec<String>,
}

impl Line {
    fn of((id, connects, exports): (i64, bool, bool), status: Status) -> Self {
        let count = |dead: bool| {
            status.jobs.iter().filter(|jobs| (jobs.state == "dead") == dead).map(|jobs| jobs.jobs).sum()
        };
        Self {
            id,
            connects,
            exports,
            received: status.inbox.received,
            unrouted: status.inbox.unrouted,
            jobs: count(false),
            dead: count(true),
            pauses: status.pauses.len(),
            workers: status.workers,
            notices: status.notices.into_iter().map(|notice| notice.message).collect(),
        }
    }
}

/// Count what there is to count.
pub(super) async fn show(State(access): State<Access>, signed: Signed) -> Result<Response, Broken> {
    let now = access.clock.now();
    let mut organizations = Vec::new();
    let mut orgs = visible(&access.db, &signed.caller).await?;
    orgs.retain(|org| signed.caller.may(*org, Permission::StatusRead));
    for org in orgs.into_iter().take(ORGANIZATIONS_MAX) {
        let connects = signed.caller.may(org, Permission::ConnectionsWrite);
        let exports = signed.caller.may(org, Permission::ExportsWrite);
        organizations.push(Line::of((org.0, connects, exports), status::of_org(&access.db, org, now).await?));
    }
    let connects = signed.caller.may_somewhere(Permission::ConnectionsWrite);
    Ok(render(StatusCode::OK, &Page { frame: Frame::of(&signed.meeting), organizations, connects }))
}
