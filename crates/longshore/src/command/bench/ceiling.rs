//! The ceiling: the archive's own calls, each answer read to its last byte and dropped unread. What it reaches is what
//! the sandbox and the network allow on this machine.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use drift::{HttpOptions, HttpTransport, Limits, Transport};
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::failure::Failure;

const LIMITS: Limits = Limits { body_bytes_max: 64 * 1024 * 1024 };

#[derive(Deserialize)]
struct List {
    data: Vec<Row>,
    pagination: Option<Next>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: i64,
    contact_id: Option<i64>,
}

#[derive(Deserialize)]
struct Next {
    next: Option<String>,
}

#[derive(Clone)]
struct Caller {
    transport: Arc<HttpTransport>,
    base: Arc<str>,
    authorization: Arc<str>,
}

impl Caller {
    async fn get(&self, path: &str) -> Result<Bytes, Failure> {
        let request = http::Request::get(format!("{}{path}", self.base))
            .header("authorization", &*self.authorization)
            .body(Bytes::new())
            .map_err(|error| Failure::unexpected(error.to_string()))?;
        let answer = self
            .transport
            .send(request, LIMITS)
            .await
            .map_err(|error| Failure::unexpected(error.to_string()))?;
        Ok(answer.into_body())
    }
}

/// Ask for everything once, `concurrency` calls at a time.
pub(super) async fn run(url: &str, token: &str, concurrency: usize) -> Result<u64, Failure> {
    let options = HttpOptions { proxies: false, ..HttpOptions::default() };
    let transport = HttpTransport::new(options).map_err(|error| Failure::unexpected(error.to_string()))?;
    let caller = Caller {
        transport: Arc::new(transport),
        base: url.into(),
        authorization: format!("Bearer {token}").into(),
    };
    let mut total = 0;
    let (mut next, mut contacts, mut paths) = (Some(String::new()), HashSet::new(), VecDeque::new());
    let mut calls = JoinSet::new();
    loop {
        while calls.len() < concurrency && !paths.is_empty() {
            let Some(path) = paths.pop_front() else { break };
            let caller = caller.clone();
            calls.spawn(async move { read_all(&caller, path).await });
        }
        if let (Some(cursor), true) = (&next, paths.len() < concurrency) {
            let body = caller.get(&format!("/conversations/list?limit=50{cursor}")).await?;
            total += 1;
            let page: List =
                serde_json::from_slice(&body).map_err(|_| Failure::unexpected("the list is no list"))?;
            for row in page.data {
                paths.push_back(format!("/conversations/{}/messages", row.id));
                paths.push_back(format!("/conversations/{}", row.id));
                if let Some(contact) = row.contact_id.filter(|contact| contacts.insert(*contact)) {
                    paths.push_back(format!("/contacts/{contact}"));
                }
            }
            next = page.pagination.and_then(|page| page.next).map(|next| format!("&next={next}"));
            continue;
        }
        let Some(done) = calls.join_next().await else { return Ok(total) };
        total += done.map_err(|error| Failure::unexpected(error.to_string()))??;
    }
}

/// One path, and its further pages where it has them.
async fn read_all(caller: &Caller, path: String) -> Result<u64, Failure> {
    let mut body = caller.get(&path).await?;
    let mut requests = 1;
    loop {
        for file in files_of(&body) {
            caller.get(&format!("/attachments/{file}/data")).await?;
            requests += 1;
        }
        let Some(next) = cursor_of(&body) else { return Ok(requests) };
        body = caller.get(&format!("{path}?next={next}")).await?;
        requests += 1;
    }
}

/// The first file of each message that has files, found without reading the page.
fn files_of(body: &[u8]) -> Vec<String> {
    const MARK: &str = "\"attachments\":[{\"id\":";
    let text = String::from_utf8_lossy(body);
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect();
    text.split(MARK).skip(1).map(digits).collect()
}

/// The cursor at the end of a page of messages, found without reading the page.
fn cursor_of(body: &[u8]) -> Option<String> {
    let tail = String::from_utf8_lossy(&body[body.len().saturating_sub(120)..]);
    let (_, page) = tail.rsplit_once("\"pagination\":")?;
    let more = page.contains("\"more\":true");
    let (_, next) = page.split_once("\"next\":")?;
    let next: String = next.trim_start_matches('"').chars().take_while(char::is_ascii_alphanumeric).collect();
    (more && !next.is_empty()).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_found_at_the_end_of_a_page() {
        let page = br#"{"data":{"messages":[]},"pagination":{"more":true,"next":"50"}}"#;
        assert_eq!(cursor_of(page), Some("50".into()));
        let last = br#"{"data":{"messages":[]},"pagination":{"more":false,"next":null}}"#;
        assert_eq!(cursor_of(last), None);
        assert_eq!(cursor_of(b"{}"), None);
    }
}
