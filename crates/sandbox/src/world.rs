//! The world behind the API: conversations, people and directories of one organization.
//!
//! Conversation `i` is a pure function of the seed and `i`, computed when it is asked for, so that a million
//! conversations cost no memory and a test can ask for the same truth that the server answered from. What
//! happens while the world runs lies in an overlay: changed and new conversations stand before the base in
//! every list, newest first, as they do in Drift's own list by update time.
//!
//! Everything here returns the bare JSON value as bytes; envelopes (`data`, `links`, `pagination`) are the
//! server's business. Nothing here knows HTTP, tokens or faults.

mod change;
mod shape;

use std::path::Path;

use model::{Entropy, Millis};
use serde_json::Value;

pub use change::{Change, Changed, Speaker, Tag};
pub use shape::{MESSAGES_PER_CONVERSATION_MAX, Shape};

/// The most conversations a generated world may have.
pub const CONVERSATIONS_MAX: u64 = 100_000_000;

/// A page of a list of conversations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSlice {
    /// The rows as a JSON array.
    pub array: Vec<u8>,
    /// How many rows there are in it.
    pub count: usize,
    /// Whether rows follow.
    pub more: bool,
}

/// A page of a conversation's messages, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSlice {
    /// The messages as a JSON array.
    pub array: Vec<u8>,
    /// How many messages there are in it.
    pub count: usize,
    /// How many messages the conversation has.
    pub total: usize,
}

/// A page of accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSlice {
    /// The accounts as a JSON array.
    pub array: Vec<u8>,
    /// How many accounts there are in it.
    pub count: usize,
    /// How many accounts the organization has.
    pub total: usize,
}

/// A file on a message.
#[derive(Clone, PartialEq, Eq)]
pub struct AttachmentFile {
    /// Its media type.
    pub mime: &'static str,
    /// Its name; any characters.
    pub file_name: String,
    /// Its bytes; may be none.
    pub bytes: Vec<u8>,
}

/// Conversations by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusCounts {
    /// Status `open`.
    pub open: u64,
    /// Status `closed`.
    pub closed: u64,
    /// Status `pending`.
    pub pending: u64,
    /// Status `bulk_sent`; not shown by `/conversations/stats`.
    pub bulk_sent: u64,
}

/// What the world holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Conversations that are listed.
    pub conversations: u64,
    /// Their messages.
    pub messages: u64,
    /// Distinct contacts of those conversations that can be fetched.
    pub contacts: u64,
    /// Distinct contacts of those conversations that answer 404.
    pub contacts_missing: u64,
    /// Attachments of those messages.
    pub attachments: u64,
    /// The conversations by status.
    pub by_status: StatusCounts,
}

/// Why a write or a query was refused, in the API's own terms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct WorldError {
    /// The HTTP status to answer.
    pub status: u16,
    /// Drift's `error.type`.
    pub kind: &'static str,
    /// Drift's `error.message`.
    pub message: String,
}

/// Why a file of dialogues could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct DialogueError {
    /// The line, from 1; 0 when the file itself could not be read.
    pub line: usize,
    /// What is wrong with it, and what is expected.
    pub reason: String,
}

/// What `POST /reports/conversations` was asked.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct ReportRequest {
    /// All must hold.
    #[serde(default)]
    pub filters: Vec<ReportFilter>,
    /// Names of numeric properties, in the order of the answer.
    #[serde(default)]
    pub metrics: Vec<String>,
}

/// One condition of a report.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct ReportFilter {
    /// The property's name.
    pub property: String,
    /// `BETWEEN`, `IN` or `HAS_PROPERTY`.
    pub operation: String,
    /// `BETWEEN`: two of `"YYYY-MM-DD"` or epoch milliseconds. `IN`: the values. Otherwise absent.
    #[serde(default)]
    pub values: Vec<Value>,
}

/// One organization's data; see the module.
pub struct World {}

#[expect(unused_variables, reason = "bodies follow")]
impl World {
    /// A world of `conversations` conversations, whose last update lies before `ends_at`.
    ///
    /// At most [`CONVERSATIONS_MAX`]; more are held to it.
    #[must_use]
    pub fn generated(seed: u64, conversations: u64, ends_at: Millis, shape: Shape) -> Self {
        Self {}
    }

    /// A world whose conversations are the dialogues of a file, one JSON object a line:
    /// `{"id", "services", "turns": [["user"|"system", text], …]}`.
    pub fn from_dialogues(path: &Path, seed: u64, ends_at: Millis) -> Result<Self, DialogueError> {
        Ok(Self {})
    }

    /// The organization's id.
    #[must_use]
    pub fn org_id(&self) -> i64 {
        0
    }

    /// When the base ended: every base time lies before it, every change after.
    #[must_use]
    pub fn ends_at(&self) -> Millis {
        Millis(0)
    }

    // ---- conversations -------------------------------------------------------------------------------------

    /// Rows `offset..offset + limit` of the list by `updatedAt` descending. `statuses` are Drift's `statusId`s
    /// (1 open, 2 closed, 3 pending); empty means all.
    #[must_use]
    pub fn list(&self, offset: u64, limit: usize, statuses: &[u8]) -> ListSlice {
        ListSlice { array: Vec::new(), count: 0, more: false }
    }

    /// The conversation object, with participants, tags and playbook.
    #[must_use]
    pub fn conversation(&self, id: i64) -> Option<Vec<u8>> {
        None
    }

    /// Whether the conversation exists (and has not vanished).
    #[must_use]
    pub fn has_conversation(&self, id: i64) -> bool {
        false
    }

    /// Messages `start..start + limit`, oldest first.
    #[must_use]
    pub fn messages(&self, id: i64, start: usize, limit: usize) -> Option<MessageSlice> {
        None
    }

    /// The text transcript: one line a message, `<Mon> <d>, <hh:mm:ss> <AM|PM> <zone> <speaker>: <text>`.
    #[must_use]
    pub fn transcript_text(&self, id: i64) -> Option<String> {
        None
    }

    /// The messages of the JSON transcript, an array of `{id, body, type, author, createdAt}`.
    #[must_use]
    pub fn transcript_json(&self, id: i64) -> Option<Vec<u8>> {
        None
    }

    /// The file behind an attachment id.
    #[must_use]
    pub fn attachment(&self, id: i64) -> Option<AttachmentFile> {
        None
    }

    /// Conversations by status. The first call counts the base (about a second for ten million).
    #[must_use]
    pub fn stats(&self) -> StatusCounts {
        StatusCounts::default()
    }

    /// Everything there is, as a complete copy must find it. The first call counts the base.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::default()
    }

    /// The ids of all listed conversations, newest update first: the truth a test compares with.
    pub fn expected(&self) -> impl Iterator<Item = i64> + '_ {
        std::iter::empty()
    }

    /// The dialogue (its `id` in the file) that a conversation was made from.
    #[must_use]
    pub fn dialogue_id(&self, conversation: i64) -> Option<&str> {
        None
    }

    /// The whole body of the answer to a report: `{"count", "data": [{conversationId, metrics}]}`.
    ///
    /// Fails on an unknown property, operation or value, and when more than `REPORT_ROWS_MAX` rows match.
    pub fn report(&self, request: &ReportRequest) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    // ---- contacts ------------------------------------------------------------------------------------------

    /// A contact object.
    #[must_use]
    pub fn contact(&self, id: i64) -> Option<Vec<u8>> {
        None
    }

    /// The contacts with this address as an array, at most `limit`; an address is not unique.
    #[must_use]
    pub fn contacts_by_email(&self, email: &str, limit: usize) -> Vec<u8> {
        Vec::new()
    }

    /// The contacts with these external ids as an array.
    #[must_use]
    pub fn contacts_by_external(&self, ids: &[String]) -> Vec<u8> {
        Vec::new()
    }

    /// `POST /contacts` with `{"attributes": {"email", …}}`; gives the contact.
    pub fn create_contact(&self, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// `PATCH /contacts/{id}` with `{"attributes": {…}}`; gives the contact.
    pub fn update_contact(&self, id: i64, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// `PATCH /contacts/normalize?idType=drift|external|internal&id=…`; gives the contact.
    pub fn normalize_contact(
        &self,
        id_type: &str,
        id: &str,
        body: &Value,
        now: Millis,
    ) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// `DELETE /contacts/{id}`: 404 from now on. Conversations stay.
    pub fn delete_contact(&self, id: i64) -> Result<(), WorldError> {
        Ok(())
    }

    /// `POST /contacts/timeline`; gives `{event, createdAt, contactId, attributes?}`.
    pub fn timeline_event(&self, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// Legacy `POST /contacts/{id}/tags` with `[{"name"}]`; gives the contact.
    pub fn add_contact_tags(&self, id: i64, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// Legacy removal of tags by name; gives the contact.
    pub fn remove_contact_tags(&self, id: i64, names: &[String], now: Millis) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// `GET /contacts/attributes`: the array of `{type, displayName, name}`.
    #[must_use]
    pub fn contact_attributes(&self) -> Vec<u8> {
        Vec::new()
    }

    /// `POST /emails/unsubscribe` with a bare array of addresses.
    pub fn unsubscribe_emails(&self, body: &Value) -> Result<(), WorldError> {
        Ok(())
    }

    /// `POST /gdpr/retrieve`; gives `{message, sentToEmail}`.
    pub fn gdpr_retrieve(&self, body: &Value) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// `POST /gdpr/delete`; gives `{message}`. Contacts of the address and their conversations are gone.
    pub fn gdpr_delete(&self, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    // ---- conversation writes and changes -------------------------------------------------------------------

    /// `POST /conversations/{id}/messages`; gives the message.
    pub fn create_message(&self, id: i64, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// `POST /conversations/new`; gives the conversation.
    pub fn create_conversation(&self, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// Let one thing happen.
    pub fn change(&self, change: &Change, now: Millis) -> Result<Changed, WorldError> {
        Ok(Changed { conversation: 0, message: None })
    }

    /// Let `n` random things happen, of the kinds that Drift documents.
    pub fn traffic(&self, n: usize, entropy: &dyn Entropy, now: Millis) -> Vec<Changed> {
        Vec::new()
    }

    // ---- directories ---------------------------------------------------------------------------------------

    /// All users as an array.
    #[must_use]
    pub fn users(&self) -> Vec<u8> {
        Vec::new()
    }

    /// One user.
    #[must_use]
    pub fn user(&self, id: i64) -> Option<Vec<u8>> {
        None
    }

    /// The known ones of these users as a map from id to user.
    #[must_use]
    pub fn users_by_id(&self, ids: &[i64]) -> Vec<u8> {
        Vec::new()
    }

    /// `PATCH /users/update?userId=`; gives the user.
    pub fn update_user(&self, id: i64, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// All teams as an array.
    #[must_use]
    pub fn teams(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The teams of one user as an array; `None` for an unknown user.
    #[must_use]
    pub fn teams_of(&self, user: i64) -> Option<Vec<u8>> {
        None
    }

    /// Meetings that start in `min..=max` as an array by start time; nothing that started more than 30 days
    /// before `now`.
    #[must_use]
    pub fn meetings(&self, min: Millis, max: Millis, limit: usize, now: Millis) -> Vec<u8> {
        Vec::new()
    }

    /// Accounts `index..index + size`.
    #[must_use]
    pub fn accounts(&self, index: usize, size: usize) -> AccountSlice {
        AccountSlice { array: Vec::new(), count: 0, total: 0 }
    }

    /// One account, deleted ones included.
    #[must_use]
    pub fn account(&self, id: &str) -> Option<Vec<u8>> {
        None
    }

    /// `POST /accounts/create`; gives the account.
    pub fn create_account(&self, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// `PATCH /accounts/update`; gives the account.
    pub fn update_account(&self, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// `DELETE /accounts/{id}`: marks it deleted.
    pub fn delete_account(&self, id: &str, now: Millis) -> Result<(), WorldError> {
        Ok(())
    }

    /// Active playbooks as an array.
    #[must_use]
    pub fn playbooks(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Landing pages as an array.
    #[must_use]
    pub fn landing_pages(&self) -> Vec<u8> {
        Vec::new()
    }

    // ---- SCIM: whole bodies, as SCIM has its own envelopes -------------------------------------------------

    /// `GET /scim/Users`, optionally by `userName`.
    #[must_use]
    pub fn scim_users(&self, user_name: Option<&str>) -> Vec<u8> {
        Vec::new()
    }

    /// `GET /scim/Users/{id}`.
    #[must_use]
    pub fn scim_user(&self, id: &str) -> Option<Vec<u8>> {
        None
    }

    /// `POST /scim/Users`.
    pub fn scim_create(&self, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// `PUT /scim/Users/{id}`.
    pub fn scim_replace(&self, id: &str, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        Ok(Vec::new())
    }

    /// `PATCH /scim/Users/{id}`; `None` when the patch deactivated, that is deleted, the user.
    pub fn scim_patch(&self, id: &str, body: &Value, now: Millis) -> Result<Option<Vec<u8>>, WorldError> {
        Ok(None)
    }

    /// `DELETE /scim/Users/{id}`: for good.
    pub fn scim_delete(&self, id: &str) -> Result<(), WorldError> {
        Ok(())
    }
}
