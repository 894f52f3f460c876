//! Which conversations go out: a condition that the statements of the public tables are given at run time.
//!
//! A conversation is chosen whole. Tables that hang on conversations follow it, contacts and users are those that chosen
//! conversations name, and accounts, which nothing links to conversations, stay out. The choice is made row by row by the
//! database, so nothing of it is held in memory.
//!
//! The texts are put together here and nowhere else, of constants and numbers; what people wrote is bound.

use std::fmt::Write as _;

use model::{ConversationId, InboxId, Millis, PlaybookId, UserId};
use serde::{Deserialize, Serialize};

use crate::tables::Table;
use crate::url::Engine;

/// What a conversation must be to be chosen: every condition that is given holds, and of several values of one any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// It is one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conversations: Vec<ConversationId>,
    /// Its status, such as `open`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<String>,
    /// It began at this instant or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Millis>,
    /// It began before this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
    /// Its inbox.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inboxes: Vec<InboxId>,
    /// The playbook that began it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub playbooks: Vec<PlaybookId>,
    /// One of its tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// One of the team's members who took part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<UserId>,
    /// How the address of a page begins that one of its messages was written on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<String>,
}

/// A condition on the rows of a table, and the texts that are bound to it.
pub(super) struct Condition {
    text: String,
    pub(super) binds: Vec<String>,
    next: usize,
}

impl Filter {
    /// Whether every conversation is chosen.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether rows of this table go out only with chosen conversations.
    #[must_use]
    pub fn narrows(&self, table: &Table) -> bool {
        let follows = matches!(table.name, "contacts" | "users" | "attachment_files");
        !self.is_all() && (follows || table.place("conversation_id").is_some())
    }

    /// The statement with the condition in it, for one that binds `bound` values itself.
    pub(super) fn narrow(
        &self,
        statement: &str,
        table: &Table,
        engine: Engine,
        bound: usize,
    ) -> (String, Vec<String>) {
        const WHERE: &str = "WHERE t.org_id = $1";
        let mut condition = Condition { text: String::new(), binds: Vec::new(), next: bound + 1 };
        if !condition.on(self, table, engine) {
            return (statement.to_owned(), Vec::new());
        }
        let Condition { text, binds, .. } = condition;
        (statement.replacen(WHERE, &format!("{WHERE} AND ({text})"), 1), binds)
    }
}

impl Condition {
    /// Write what rows of this table must fulfil; `false` when that is nothing.
    fn on(&mut self, filter: &Filter, table: &Table, engine: Engine) -> bool {
        match table.name {
            "conversations" => self.matches(filter, "t", engine),
            "contacts" => self.exists(filter, "f.contact_id = t.contact_id", engine),
            "users" => {
                self.text += "t.user_id IN (SELECT p.user_id FROM participants AS p WHERE p.org_id = $1 AND ";
                self.exists(filter, "f.conversation_id = p.conversation_id", engine);
                self.text += ") OR t.user_id IN (SELECT m.author_id FROM messages AS m
                    WHERE m.org_id = $1 AND m.author_kind = 'user' AND ";
                self.exists(filter, "f.conversation_id = m.conversation_id", engine);
                self.text += ")";
            }
            "attachment_files" => {
                self.text += "EXISTS (SELECT 1 FROM attachments AS a
                    WHERE a.org_id = $1 AND a.attachment_id = t.attachment_id AND ";
                self.exists(filter, "f.conversation_id = a.conversation_id", engine);
                self.text += ")";
            }
            "accounts" => self.text += "FALSE",
            _ if table.place("conversation_id").is_some() => {
                self.exists(filter, "f.conversation_id = t.conversation_id", engine);
            }
            // Settings, which are about nobody, and the exports themselves.
            _ => return false,
        }
        true
    }

    /// That there is a chosen conversation that is joined like this.
    fn exists(&mut self, filter: &Filter, joined: &str, engine: Engine) {
        write!(self.text, "EXISTS (SELECT 1 FROM conversations AS f WHERE f.org_id = $1 AND {joined} AND ")
            .expect(TEXT);
        self.matches(filter, "f", engine);
        self.text += ")";
    }

    /// That the conversation of this name is chosen.
    fn matches(&mut self, filter: &Filter, of: &str, engine: Engine) {
        self.text += "TRUE";
        if !filter.statuses.is_empty() {
            let marks = self.bind_all(&filter.statuses);
            write!(self.text, " AND {of}.status IN ({marks})").expect(TEXT);
        }
        if let Some(since) = filter.since {
            write!(self.text, " AND {of}.created_at >= {}", since.0).expect(TEXT);
        }
        if let Some(until) = filter.until {
            write!(self.text, " AND {of}.created_at < {}", until.0).expect(TEXT);
        }
        let ids = [
            ("conversation_id", numbers(filter.conversations.iter().map(|id| id.0))),
            ("inbox_id", numbers(filter.inboxes.iter().map(|id| id.0))),
            ("related_playbook_id", numbers(filter.playbooks.iter().map(|id| id.0))),
        ];
        for (column, ids) in ids.iter().filter(|(_, ids)| !ids.is_empty()) {
            write!(self.text, " AND {of}.{column} IN ({ids})").expect(TEXT);
        }
        let participants = numbers(filter.participants.iter().map(|id| id.0));
        if !participants.is_empty() {
            write!(
                self.text,
                " AND EXISTS (SELECT 1 FROM participants AS fp WHERE fp.org_id = $1
                    AND fp.conversation_id = {of}.conversation_id AND fp.user_id IN ({participants}))"
            )
            .expect(TEXT);
        }
        if !filter.tags.is_empty() {
            let marks = self.bind_all(&filter.tags);
            write!(
                self.text,
                " AND EXISTS (SELECT 1 FROM tags AS ft WHERE ft.org_id = $1
                    AND ft.conversation_id = {of}.conversation_id AND ft.name IN ({marks}))"
            )
            .expect(TEXT);
        }
        if !filter.pages.is_empty() {
            self.pages(&filter.pages, of, engine);
        }
    }

    fn pages(&mut self, pages: &[String], of: &str, engine: Engine) {
        let address = match engine {
            Engine::Sqlite => "json_extract(fm.extra, '$.context.href')",
            Engine::Postgres => "CAST(fm.extra AS json) #>> '{context,href}'",
        };
        let begins: Vec<String> = pages
            .iter()
            .map(|page| {
                let mark = self.bind(page);
                format!("substr({address}, 1, length({mark})) = {mark}")
            })
            .collect();
        write!(
            self.text,
            " AND EXISTS (SELECT 1 FROM messages AS fm WHERE fm.org_id = $1
                AND fm.conversation_id = {of}.conversation_id AND ({}))",
            begins.join(" OR ")
        )
        .expect(TEXT);
    }

    fn bind_all(&mut self, texts: &[String]) -> String {
        let marks: Vec<String> = texts.iter().map(|text| self.bind(text)).collect();
        marks.join(", ")
    }

    fn bind(&mut self, text: &str) -> String {
        self.binds.push(text.to_owned());
        self.next += 1;
        format!("CAST(${} AS TEXT)", self.next - 1)
    }
}

const TEXT: &str = "a text takes all";

fn numbers(ids: impl Iterator<Item = i64>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(", ")
}
