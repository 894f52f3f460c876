//! The views for those who analyse, run over the store on both engines.

use std::path::PathBuf;

use model::record::{Author, Conversation, Details, Message, Playbook, Snapshot, User};
use model::{ContactId, ConversationId, MessageId, Millis, Pii, PlaybookId, UserId};
use sqlx::{AssertSqlSafe, Connection};
use store::directory::{self, Listing};
use store::mirror;
use store::tables::{ColumnKind, TABLES};

use crate::fixture::{Fixture, ORG, on_both};

/// The views in the order in which they build on each other, after those of the engine.
const VIEWS: [&str; 8] = [
    "messages",
    "conversations",
    "first_response",
    "volume_by_day",
    "response_by_day",
    "playbooks",
    "pages",
    "agents",
];
/// 2024-11-05T10:00:00Z.
const TEN: i64 = 1_730_800_800_000;
const DAY: i64 = 86_400_000;

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../analysis")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// `{{ ref('a') }}` is `a`, and `{{ source('longshore', 'a') }}` is `a` too.
fn without_dbt(model: &str) -> String {
    let mut text = String::new();
    for (index, part) in model.split("{{").enumerate() {
        let Some((reference, rest)) = part.split_once("}}").filter(|_| index > 0) else {
            text += part;
            continue;
        };
        text += reference.rsplit('\'').nth(1).unwrap();
        text += rest;
    }
    text
}

#[test]
fn the_views_are_the_models_of_the_dbt_package() {
    let mut text = String::from(
        "-- The views of docs/analysis.md, for any of the engines: run engine/<engine>.sql first. Made from dbt/models.\n\n",
    );
    VIEWS.iter().rev().for_each(|view| text += &format!("DROP VIEW IF EXISTS analysis_{view};\n"));
    for view in VIEWS {
        let model = read(&format!("dbt/models/analysis_{view}.sql"));
        let comment: String =
            model.lines().take_while(|line| line.starts_with("--")).map(|it| format!("{it}\n")).collect();
        let body = without_dbt(&model[comment.len()..]);
        text += &format!("\n{comment}CREATE VIEW analysis_{view} AS\n{};\n", body.trim_end());
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file("views.sql"), &text).unwrap();
    }
    assert_eq!(read("views.sql"), text, "UPDATE_DOCS=1 writes it anew");
}

/// A message: seconds after ten, and who wrote it (`v`isitor, `b`ot, agent by number, `n`ote by agent 7, a deletion of the
/// message before by `x`).
type Said = (i64, &'static str);

/// The simple cases of the definitions, by their numbers there.
const CASES: &[(i64, &[Said])] = &[
    (1, &[(0, "v"), (90, "7"), (120, "v"), (180, "7")]),
    (3, &[(0, "v"), (2, "b"), (30, "v"), (31, "b"), (91, "v"), (181, "7")]),
    (4, &[(25_080, "v"), (83_040, "7")]),
    (7, &[(0, "v"), (1, "b"), (60, "v"), (62, "b")]),
    (8, &[(0, "v"), (20, "n"), (60, "7")]),
    (9, &[(-600, "7"), (0, "v"), (45, "7")]),
    (13, &[(0, "b")]),
    (14, &[(0, "v"), (60, "7"), (120, "x")]),
    (15, &[(0, "v"), (60, "7"), (120, "v"), (1_320, "8"), (1_380, "v")]),
    (20, &[(DAY / 1000, "v")]),
    (21, &[(DAY / 1000, "b"), (DAY / 1000 + 10, "v"), (DAY / 1000 + 20, "b"), (DAY / 1000 + 50, "8")]),
];

fn message(conversation: i64, place: i64, (seconds, who): Said) -> Message {
    let id = conversation * 100 + place;
    let (kind, author) = match who {
        "v" => ("chat", Author { kind: "contact".to_owned(), id: Some(conversation), bot: false }),
        "b" => ("chat", Author { kind: "user".to_owned(), id: Some(2), bot: true }),
        "n" => ("private_note", Author { kind: "user".to_owned(), id: Some(7), bot: false }),
        "x" => ("edit", Author { kind: "user".to_owned(), id: Some(7), bot: false }),
        agent => ("chat", Author { kind: "user".to_owned(), id: agent.parse().ok(), bot: false }),
    };
    Message {
        message_id: MessageId(id),
        author,
        kind: kind.to_owned(),
        body: Some(Pii::new("text".to_owned())),
        created_at: Some(Millis(TEN + seconds * 1000)),
        edited_message_id: (who == "x").then_some(MessageId(id - 1)),
        edit_type: (who == "x").then(|| "delete".to_owned()),
        attachments: Vec::new(),
        extra: Pii::new(format!(
            "{{\"context\":{{\"href\":\"https://site.test/p/{}/?a=b#c\"}}}}",
            conversation % 2
        )),
    }
}

fn snapshot((id, said): &(i64, &[Said])) -> Snapshot {
    let conversation = Conversation {
        conversation_id: ConversationId(*id),
        contact_id: Some(ContactId(*id)),
        inbox_id: None,
        status: if id % 2 == 0 { "open" } else { "closed" }.to_owned(),
        created_at: Some(Millis(TEN + said[0].0 * 1000)),
        updated_at: Some(Millis(TEN + DAY)),
        extra: "{}".to_owned(),
    };
    let details = Details { related_playbook_id: (*id > 10).then_some(PlaybookId(5)), ..Details::default() };
    let messages = (0..).zip(said.iter()).map(|(place, said)| message(*id, place, *said)).collect();
    Snapshot { conversation, details: Some(details), messages: Some(messages), fetched_at: Millis(TEN + DAY) }
}

async fn fill(fixture: &Fixture) {
    let now = Millis(TEN + DAY);
    let agent = User { name: Some(Pii::new("Bo".to_owned())), ..user(7) };
    let playbook = Playbook {
        playbook_id: PlaybookId(5),
        name: Some("Book more".to_owned()),
        report_type: None,
        interaction_id: None,
        created_at: None,
        updated_at: None,
        created_author_id: None,
        updated_author_id: None,
        goals: "[]".to_owned(),
        extra: "{}".to_owned(),
    };
    let snapshots: Vec<Snapshot> = CASES.iter().map(snapshot).collect();
    let mut tx = fixture.db.begin().await.unwrap();
    directory::apply_users(&mut tx, ORG, &[agent], Listing::Complete, now).await.unwrap();
    directory::apply_playbooks(&mut tx, ORG, &[playbook], Listing::Complete, now).await.unwrap();
    mirror::apply(&mut tx, ORG, &snapshots, now).await.unwrap();
    tx.commit().await.unwrap();
}

fn user(id: i64) -> User {
    User {
        user_id: UserId(id),
        name: None,
        alias: None,
        email: None,
        phone: None,
        locale: None,
        availability: None,
        role: None,
        time_zone: None,
        avatar_url: None,
        verified: None,
        bot: None,
        created_at: None,
        updated_at: None,
        extra: "{}".to_owned(),
    }
}

/// Make the views, twice as anybody may, and ask them. A query answers one text a row.
async fn ask(fixture: &Fixture, queries: &[&str]) -> Vec<Vec<String>> {
    let engine = if fixture.url.starts_with("postgres") { "postgresql" } else { "sqlite" };
    let scripts = [read(&format!("engine/{engine}.sql")), read("views.sql")];
    let mut answers = Vec::new();
    macro_rules! run {
        ($connection:ty) => {{
            let mut connection = <$connection>::connect(&fixture.url).await.unwrap();
            for script in scripts.iter().chain(&scripts) {
                sqlx::raw_sql(AssertSqlSafe(script.clone())).execute(&mut connection).await.unwrap();
            }
            for query in queries {
                let query = AssertSqlSafe((*query).to_owned());
                answers.push(sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap());
            }
            connection.close().await.unwrap();
        }};
    }
    if engine == "postgresql" {
        run!(sqlx::PgConnection);
    } else {
        run!(sqlx::SqliteConnection);
    }
    answers
}

#[tokio::test]
async fn the_views_tell_what_the_definitions_say() {
    on_both(async |fixture| {
        fill(&fixture).await;
        let answers = ask(&fixture, &[
            "SELECT conversation_id || ' ' || COALESCE(CAST(first_response_any_ms AS TEXT), '-') || ' ' ||
                COALESCE(CAST(first_response_human_ms AS TEXT), '-') || ' ' || COALESCE(CAST(time_to_human_ms AS TEXT), '-')
                || ' ' || COALESCE(basis, reason) FROM analysis_first_response ORDER BY conversation_id",
            "SELECT conversation_id || ' ' || visitor_messages || ' ' || bot_messages || ' ' || agent_messages || ' ' || notes
                || ' ' || edits || ' ' || engaged FROM analysis_conversations ORDER BY conversation_id",
            "SELECT day || ' ' || status || ' ' || conversations || ' ' || engaged || ' ' || impressions || ' ' || with_agent
                FROM analysis_volume_by_day ORDER BY day, status",
            "SELECT day || ' ' || CAST(median_ms AS BIGINT) || ' ' || answered || ' ' || bot_only || ' ' || no_agent
                FROM analysis_response_by_day ORDER BY day",
            "SELECT COALESCE(playbook, '-') || ' ' || conversations || ' ' || engaged || ' ' || with_agent || ' ' || with_meeting
                FROM analysis_playbooks ORDER BY conversations",
            "SELECT page || ' ' || conversations || ' ' || engaged || ' ' || with_agent FROM analysis_pages ORDER BY page",
            "SELECT agent_id || ' ' || COALESCE(agent, '-') || ' ' || conversations || ' ' || messages || ' ' || first_responses
                || ' ' || COALESCE(CAST(CAST(median_first_response_ms AS BIGINT) AS TEXT), '-') FROM analysis_agents ORDER BY agent_id",
        ])
        .await;
        insta::assert_snapshot!("analysis", answers.iter().map(|rows| rows.join("\n")).collect::<Vec<_>>().join("\n\n"));
    })
    .await;
}

/// What `analysis/open.py` knows of the tables is what they are.
#[test]
fn the_kit_knows_the_public_tables() {
    let kind = |kind| match kind {
        ColumnKind::Integer => "integer",
        ColumnKind::Instant => "instant",
        ColumnKind::Flag => "flag",
        ColumnKind::Real => "real",
        ColumnKind::Text => "text",
        ColumnKind::Json => "json",
        ColumnKind::Bytes => "bytes",
    };
    let lines = TABLES.iter().map(|table| {
        let columns =
            table.columns.iter().map(|column| format!("\"{}\": \"{}\"", column.name, kind(column.kind)));
        format!("  \"{}\": {{{}}}", table.name, columns.collect::<Vec<_>>().join(", "))
    });
    let text = format!("{{\n{}\n}}\n", lines.collect::<Vec<_>>().join(",\n"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file("tables.json"), &text).unwrap();
    }
    assert_eq!(read("tables.json"), text, "UPDATE_DOCS=1 writes it anew");
}
