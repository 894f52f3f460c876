//! Playbooks and landing pages (bare arrays, unlike all else), and the start page for people.

use http::StatusCode;

use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::pages;
use crate::sandbox::Inner;

pub(super) fn playbooks(sandbox: &Inner, _: &Call<'_>) -> Answered {
    Ok(Answer::bare(sandbox.world.playbooks()))
}

pub(super) fn landing_pages(sandbox: &Inner, _: &Call<'_>) -> Answered {
    Ok(Answer::bare(sandbox.world.landing_pages()))
}

pub(super) fn start_page(sandbox: &Inner, call: &Call<'_>) -> Answered {
    Ok(Answer::page(StatusCode::OK, pages::start(sandbox, call.origin)))
}
