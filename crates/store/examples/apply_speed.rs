//! How fast `apply` takes new conversations in: messages a second, and CPU per message.
//!
//! `cargo run --release -p longshore-store --example apply_speed -- [CONVERSATIONS] [DATABASE_URL]`
//! runs on a temporary SQLite file, or on the (empty) database named.

use std::error::Error;

use model::record::{Author, Conversation, Message, Snapshot};
use model::{ContactId, ConversationId, MessageId, Millis, OrgId, Pii};
use store::{DatabaseUrl, Db, OpenOptions, mirror};

const ORG: OrgId = OrgId(4242);
const BATCH: i64 = 50;
const MESSAGES: i64 = 66;
const CONTEXT: &str = r#"{"context":{"ip":"203.0.113.9","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36","href":"https://www.example.test/pricing?utm_source=newsletter&utm_medium=email&utm_campaign=spring","title":"Pricing","timezone":"Europe/Berlin","locale":"de-DE"}}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let conversations: i64 = arguments.next().map_or(Ok(5_000), |count| count.parse())?;
    let folder = tempfile::tempdir()?;
    let url = match arguments.next() {
        Some(url) => DatabaseUrl::parse(&url)?,
        None => DatabaseUrl::file(folder.path().join("speed.db")),
    };
    let db = Db::open(&url, OpenOptions::default()).await?;
    // Drift lists what was updated last first, so ids fall.
    let batches = (0..conversations / BATCH).rev().map(|batch| batch * BATCH..(batch + 1) * BATCH);
    for pass in ["new", "again"] {
        let (mut spent_ms, mut cpu_ms, mut messages) = (0.0, 0.0, 0_u64);
        for batch in batches.clone() {
            let snapshots: Vec<Snapshot> = batch.map(|id| snapshot(id, pass)).collect();
            messages += snapshots
                .iter()
                .filter_map(|snapshot| snapshot.messages.as_ref())
                .map(|all| all.len() as u64)
                .sum::<u64>();
            let (started, cpu) = (now_ms(), cpu_ms_of_process());
            let mut tx = db.begin().await?;
            mirror::apply(&mut tx, ORG, &snapshots, Millis(0)).await?;
            tx.commit().await?;
            spent_ms += now_ms() - started;
            cpu_ms += cpu_ms_of_process() - cpu;
        }
        let per_second = messages as f64 / spent_ms * 1_000.0;
        let cpu_us = cpu_ms * 1_000.0 / messages as f64;
        println!(
            "{} {pass}: {messages} messages in {spent_ms:.0} ms: {per_second:.0}/s, {cpu_us:.2} us CPU each",
            db.engine()
        );
    }
    if let Some(path) = url.path() {
        db.close().await;
        println!(
            "file: {} bytes a message",
            std::fs::metadata(path)?.len() as i64 / (conversations * MESSAGES).max(1)
        );
    }
    Ok(())
}

fn snapshot(id: i64, pass: &str) -> Snapshot {
    let fetched_at = Millis(if pass == "new" { 1 } else { 2 });
    let messages = (0..MESSAGES).map(|number| message(id, number)).collect();
    Snapshot {
        conversation: Conversation {
            conversation_id: ConversationId(id),
            contact_id: Some(ContactId(id / 2)),
            inbox_id: Some(model::InboxId(1)),
            status: "closed".to_owned(),
            created_at: Some(Millis(1_700_000_000_000 + id)),
            updated_at: Some(Millis(1_700_000_000_000 + id * 2)),
            extra: "{}".to_owned(),
        },
        details: None,
        messages: Some(messages),
        fetched_at,
    }
}

fn message(conversation: i64, number: i64) -> Message {
    let words = "We looked at the plan and the price, and it &amp; the trial sound good. ";
    let text = words.repeat(1 + usize::try_from((conversation + number) % 3).unwrap_or_default());
    let contact = number % 2 == 0;
    Message {
        message_id: MessageId(conversation * 1_000 + number),
        author: Author {
            kind: if contact { "contact" } else { "user" }.to_owned(),
            id: Some(conversation),
            bot: !contact && number < 10,
        },
        kind: "chat".to_owned(),
        body: Some(Pii::new(if contact { text } else { format!("<p>{text}</p>") })),
        created_at: Some(Millis(1_700_000_000_000 + number * 1_000)),
        edited_message_id: None,
        edit_type: None,
        attachments: Vec::new(),
        extra: Pii::new(if contact { CONTEXT } else { "{}" }.to_owned()),
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement is of real time")]
fn now_ms() -> f64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0.0, |passed| passed.as_secs_f64() * 1_000.0)
}

/// User and system time of this process, where the system tells it (a hundredth of a second exact).
fn cpu_ms_of_process() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    fields.get(11..13).map_or(0.0, |times| times.iter().sum::<f64>() * 10.0)
}
