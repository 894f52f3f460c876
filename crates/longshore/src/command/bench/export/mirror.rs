//! A mirror to export: conversations of two years, each of forty messages of some sentences.

use model::record::{Author, Conversation, Details, Message, Snapshot, Tag};
use model::{
    ConnectionId, ContactId, ConversationId, Entropy, InboxId, MessageId, Millis, OrgId, Pii, Secret,
    SeededEntropy, UserId,
};
use store::connections::{self, Connection, ConnectionKind, ConnectionState, Tokens};
use store::vault::{Key, Vault};
use store::{DatabaseUrl, Db, OpenOptions, StoreError, mirror};

use crate::app::App;

const ORG: OrgId = OrgId(4242);
/// 2024-01-01.
const FIRST_MS: i64 = 1_704_067_200_000;
/// Over how long the conversations are spread.
const SPAN_MS: u64 = 730 * 86_400_000;
const MESSAGES_EACH: u64 = 40;
/// Conversations of a transaction.
const BATCH: u64 = 256;
const WORDS: [&str; 32] = [
    "the", "price", "of", "your", "plan", "for", "a", "team", "is", "per", "seat", "and", "month", "please",
    "see", "demo", "could", "you", "tell", "me", "whether", "it", "works", "with", "our", "calendar",
    "thanks", "sure", "invoice", "trial", "ends", "tomorrow",
];

/// Store so many messages in an empty database.
pub(super) async fn fill(app: &App, database: &str, messages: u64, seed: u64) -> Result<(), StoreError> {
    let url = DatabaseUrl::parse(database)?;
    let db = Db::open(&url, OpenOptions::default()).await?;
    let conversations = messages.div_ceil(MESSAGES_EACH);
    let now = app.clock.now();
    connect(app, &db, now).await?;
    let mut next = 0;
    while next < conversations {
        let until = (next + BATCH).min(conversations);
        let snapshots: Vec<Snapshot> =
            (next..until).map(|number| snapshot(number, conversations, messages, seed, now)).collect();
        let mut tx = db.begin().await?;
        mirror::apply(&mut tx, ORG, &snapshots, now).await?;
        tx.commit().await?;
        next = until;
    }
    db.close().await;
    Ok(())
}

/// Which conversations change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    /// The newest, as in life.
    Recent,
    /// Some of every month.
    Even,
}

/// Have one in a hundred conversations change: a message of each is edited. Answers how many.
pub(super) async fn change(
    app: &App,
    database: &str,
    (messages, seed): (u64, u64),
    spread: Spread,
) -> Result<u64, StoreError> {
    let db = Db::open(&DatabaseUrl::parse(database)?, OpenOptions::default()).await?;
    let conversations = messages.div_ceil(MESSAGES_EACH);
    let count = (conversations / 100).max(1);
    let now = app.clock.now();
    let numbers: Vec<u64> = match spread {
        Spread::Recent => (conversations - count..conversations).collect(),
        Spread::Even => (0..count).map(|nth| nth * (conversations / count)).collect(),
    };
    for batch in numbers.chunks(usize::try_from(BATCH).unwrap_or(usize::MAX)) {
        let edited = |number: &u64| {
            let mut snapshot = snapshot(*number, conversations, messages, seed, now);
            snapshot.conversation.updated_at = Some(now);
            let said = snapshot.messages.as_mut().and_then(|list| list.first_mut());
            if let Some(said) = said {
                said.body = Some(Pii::new(format!("<p>edited at {}</p>", now.0)));
            }
            snapshot
        };
        let snapshots: Vec<Snapshot> = batch.iter().map(edited).collect();
        let mut tx = db.begin().await?;
        mirror::apply(&mut tx, ORG, &snapshots, now).await?;
        tx.commit().await?;
    }
    db.close().await;
    Ok(count)
}

/// Exports are of organizations that are connected; of this connection no call is ever made.
async fn connect(app: &App, db: &Db, now: Millis) -> Result<(), StoreError> {
    let vault = Vault::new(Key::generate(app.entropy.as_ref()), app.entropy.clone());
    let connection = Connection {
        connection_id: ConnectionId::new(app.clock.as_ref(), app.entropy.as_ref()),
        org_id: ORG,
        kind: ConnectionKind::Private,
        state: ConnectionState::Active,
        scopes: Vec::new(),
        api_url: String::new(),
        created_at: now,
        last_used_at: None,
        expires_at: None,
    };
    let tokens = Tokens { access: Secret::new("bench"), refresh: None, expires_at: None };
    let mut tx = db.begin().await?;
    connections::insert(&mut tx, &connection, &tokens, &vault).await?;
    tx.commit().await
}

fn snapshot(number: u64, conversations: u64, messages: u64, seed: u64, now: Millis) -> Snapshot {
    let entropy = SeededEntropy::new(seed ^ number);
    let began = FIRST_MS + (SPAN_MS * number / conversations).cast_signed();
    let id = (number + 1).cast_signed();
    let first = number * MESSAGES_EACH;
    let count = MESSAGES_EACH.min(messages - first);
    let conversation = Conversation {
        conversation_id: ConversationId(id),
        contact_id: Some(ContactId(id)),
        inbox_id: Some(InboxId(1)),
        status: if number.is_multiple_of(8) { "open" } else { "closed" }.to_owned(),
        created_at: Some(Millis(began)),
        updated_at: Some(Millis(began + 3_600_000)),
        extra: "{}".to_owned(),
    };
    let details = Details {
        participants: vec![UserId(1 + id % 20)],
        tags: vec![Tag { name: "pricing".to_owned(), color: None }],
        related_playbook_id: None,
        extra: "{}".to_owned(),
    };
    let list = (0..count).map(|place| message(&entropy, (first + place + 1).cast_signed(), began, place));
    Snapshot { conversation, details: Some(details), messages: Some(list.collect()), fetched_at: now }
}

fn message(entropy: &dyn Entropy, id: i64, began: i64, place: u64) -> Message {
    let is_visitor = place.is_multiple_of(2);
    let said: Vec<&str> = (0..12 + entropy.below(30))
        .map(|_| WORDS[usize::try_from(entropy.below(WORDS.len() as u64)).unwrap_or_default()])
        .collect();
    Message {
        message_id: MessageId(id),
        author: Author {
            kind: if is_visitor { "contact" } else { "user" }.to_owned(),
            id: Some(1 + place.cast_signed()),
            bot: false,
        },
        kind: "chat".to_owned(),
        body: Some(Pii::new(format!("<p>{} {id}</p>", said.join(" ")))),
        created_at: Some(Millis(began + place.cast_signed() * 45_000)),
        edited_message_id: None,
        edit_type: None,
        attachments: Vec::new(),
        extra: Pii::new(format!(
            "{{\"context\":{{\"href\":\"https://site.test/page/{}\"}}}}",
            entropy.below(500)
        )),
    }
}
