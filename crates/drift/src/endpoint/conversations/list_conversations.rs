//! `GET /conversations/list?limit=&statusId=`

use crate::answer::Answer;
use crate::call::Call;
use crate::page::ListEnvelope;
use crate::wire::{ConversationRow, ConversationStatus, List};
use crate::{Client, DecodeError, Page, Pages, Scope};

/// The most rows a page that both forms of the list allow (the newer alone allows 100).
pub const LIST_LIMIT_MAX: u32 = 50;

/// Which conversations to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// Rows a page, 1 to [`LIST_LIMIT_MAX`]; held at those bounds.
    pub limit: u32,
    /// Only conversations with one of these statuses, as far as they can be filtered by; none for all.
    pub statuses: Vec<ConversationStatus>,
}

impl Default for ListQuery {
    fn default() -> Self {
        Self { limit: LIST_LIMIT_MAX, statuses: Vec::new() }
    }
}

impl Client {
    /// The organization's conversations, page by page, those updated last first (as the older of
    /// Drift's two pages says; the newer is silent).
    ///
    /// Rows lack participants, tags and playbook: see [`Client::conversation`]. Both forms of the list
    /// are read, and each page may be of either. There is no filter by time.
    ///
    /// `GET /conversations/list?limit=&statusId=`; scope `conversation_read`. At most 50 rows a page
    /// hold for both forms.
    ///
    /// Drift: "List conversations", <https://devdocs.drift.com/docs/list-conversations>. Older:
    /// "Listing conversations", <https://devdocs.drift.com/docs/listing-conversations>.
    ///
    /// # Errors
    /// None here; those of [`Pages::next_page`].
    #[must_use]
    pub fn list_conversations(&self, query: &ListQuery) -> Pages<ConversationRow> {
        let limit = query.limit.clamp(1, LIST_LIMIT_MAX);
        let status_ids: Vec<u8> = query.statuses.iter().filter_map(ConversationStatus::filter_id).collect();
        let cursor_key = CURSOR_KEY;
        Pages::new(
            self,
            move |token| {
                let call = Call::get("/conversations/list").list_host().query("limit", limit);
                let call = status_ids.iter().fold(call, |call, id| call.query("statusId", id));
                call.scope(Scope::ConversationRead).page(token, cursor_key)
            },
            decode,
        )
    }
}

/// The older form's cursor goes here; the newer form's token is part of its link.
const CURSOR_KEY: &str = "next";

fn decode(answer: &Answer) -> Result<Page<ConversationRow>, DecodeError> {
    ListEnvelope::page(answer, |rows: List<ConversationRow>| rows.0)
}
