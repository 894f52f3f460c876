//! Stores with something in them, on both engines.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use drift::SystemClock;
use model::record::{Attachment, Author, Contact, Conversation, Details, Message, Snapshot, Tag, User};
use model::{
    AttachmentId, Clock as _, ContactId, ConversationId, FakeClock, MessageId, Millis, OrgId, Pii,
    SeededEntropy, UserId,
};
use sinks::format::{Format, Formulas};
use sinks::selection::Selection;
use sinks::{Begin, Destination, ExportOptions, ExportProgress, ExportReport, Exporter, SinkError, export};
use store::directory::{self, Listing};
use store::mask_keys::MaskKey;
use store::{DatabaseUrl, Db, OpenOptions, mirror};

pub(crate) const ORG: OrgId = OrgId(4242);
/// 2026-01-02T03:04:05Z.
pub(crate) const T0: i64 = 1_767_323_045_000;
/// Texts that have broken an exporter somewhere.
pub(crate) const NASTY: &str = "a,\"b\"\r\n;=1+1\u{202e}👩🏽‍🚀 שלום\t\\N\\.\u{2028}é";

/// A store, and the folder it needs.
pub(crate) struct Fixture {
    pub(crate) db: Db,
    /// Its address, for whoever brings tools of their own.
    pub(crate) url: String,
    pub(crate) dir: tempfile::TempDir,
    /// How many exports there were.
    number: AtomicU64,
}

impl Fixture {
    async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let url = format!("sqlite://{}", path.display());
        let db = Db::open(&DatabaseUrl::file(path), OpenOptions::default()).await.unwrap();
        Self { db, url, dir, number: AtomicU64::new(0) }
    }

    /// A database of its own on the server that `LONGSHORE_TEST_POSTGRES` names; `None` without one.
    async fn postgres() -> Option<Self> {
        let url = database().await?;
        let db = Db::open(&DatabaseUrl::parse(&url).unwrap(), OpenOptions::default()).await.unwrap();
        Some(Self { db, url, dir: tempfile::tempdir().unwrap(), number: AtomicU64::new(0) })
    }

    /// The store once more, in a process of its own, whose exports are counted from this number.
    pub(crate) async fn elsewhere(url: &str, number: u64) -> Self {
        let db = Db::open(&DatabaseUrl::parse(url).unwrap(), OpenOptions::default()).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        Self { db, url: url.to_owned(), dir, number: AtomicU64::new(number) }
    }

    /// Where the export goes.
    pub(crate) fn out(&self) -> std::path::PathBuf {
        self.dir.path().join("out")
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.out().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) async fn export(&self, options: &ExportOptions) -> Result<ExportReport, SinkError> {
        Box::pin(self.export_watched(options, |_| {})).await
    }

    /// The same once what was given up has let go of the destination: threads end, and a server notices the end of a
    /// session, when they will.
    pub(crate) async fn export_once_free(&self, options: &ExportOptions) -> Result<ExportReport, SinkError> {
        for _ in 0..400 {
            match self.export(options).await {
                Err(SinkError::Busy { .. } | SinkError::UnderWay { .. }) => SystemClock.sleep(25).await,
                exported => return exported,
            }
        }
        panic!("it is never free");
    }

    pub(crate) async fn export_watched(
        &self,
        options: &ExportOptions,
        progress: impl FnMut(ExportProgress) + Send,
    ) -> Result<ExportReport, SinkError> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let entropy = SeededEntropy::new(number);
        // Runs are ordered by when they began.
        let clock = FakeClock::at(Millis(T0 + number.cast_signed()));
        let exporter = Exporter {
            db: &self.db,
            org: ORG,
            clock: &clock,
            entropy: &entropy,
            signer: None,
            mask_key: None,
        };
        export(&exporter, options, std::future::pending(), progress).await
    }

    /// Export until this table comes, then stop.
    pub(crate) async fn export_until(&self, options: &ExportOptions, table: &str) -> SinkError {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let (clock, entropy) = (FakeClock::at(Millis(T0 + number.cast_signed())), SeededEntropy::new(number));
        let exporter = Exporter {
            db: &self.db,
            org: ORG,
            clock: &clock,
            entropy: &entropy,
            signer: None,
            mask_key: None,
        };
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let stopped = async {
            let mut stopped = stopped.clone();
            let _ = stopped.wait_for(|is| *is).await;
        };
        let told = |now: ExportProgress| {
            if now.step == table {
                stop.send_replace(true);
            }
        };
        Box::pin(export(&exporter, options, stopped, told)).await.unwrap_err()
    }

    /// Give a contact another name.
    pub(crate) async fn rename_contact(&self) {
        let mut tx = self.db.begin().await.unwrap();
        let renamed = Contact { name: Some(Pii::new("Grace".to_owned())), ..contact(1) };
        directory::apply_contacts(&mut tx, ORG, &[renamed], Millis(T0 + 1)).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The same with a key to mask with.
    pub(crate) async fn export_masked(
        &self,
        options: &ExportOptions,
        mask_key: &MaskKey,
    ) -> Result<ExportReport, SinkError> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let (clock, entropy) = (FakeClock::at(Millis(T0 + number.cast_signed())), SeededEntropy::new(number));
        let (db, clock, entropy, mask_key) = (&self.db, &clock, &entropy, Some(mask_key));
        let exporter = Exporter { db, org: ORG, clock, entropy, signer: None, mask_key };
        Box::pin(export(&exporter, options, std::future::pending(), |_| {})).await
    }

    /// Have Drift give a conversation another status.
    pub(crate) async fn set_status(&self, id: i64, status: &str) {
        static VERSION: AtomicU64 = AtomicU64::new(2);
        let version = VERSION.fetch_add(1, Ordering::Relaxed).cast_signed();
        let mut next = snapshot(id);
        next.conversation.status = status.to_owned();
        next.conversation.updated_at = Some(Millis(T0 + id * 86_400_000 + version));
        next.fetched_at = Millis(T0 + version);
        let mut tx = self.db.begin().await.unwrap();
        mirror::apply(&mut tx, ORG, &[next], Millis(T0)).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) fn options(&self, format: Format) -> ExportOptions {
        ExportOptions {
            destination: Destination::folder(self.out(), format, Formulas::Keep),
            transcripts: true,
            attachments: true,
            selection: Selection::default(),
            reason: Some("a test".to_owned()),
            incremental: false,
            begin: Begin::GoOn,
            who: store::audit::Who::node(),
        }
    }

    /// A conversation of so much text that its month takes several pieces.
    pub(crate) async fn fill_long_month(&self) {
        let mut long = snapshot(5_000);
        long.conversation.created_at = Some(Millis(T0));
        let text: String = std::iter::repeat_n("prices, and what they are for; ", 65_536).collect();
        let messages =
            (0..5).map(|n| Message { body: Some(Pii::new(text.clone())), ..message(50_000 + n, n) });
        long.messages = Some(messages.collect());
        let mut tx = self.db.begin().await.unwrap();
        mirror::apply(&mut tx, ORG, &[long], Millis(T0)).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// `count` conversations, the first hundred of five messages; the very first has something of everything.
    pub(crate) async fn fill(&self, count: i64) {
        let now = Millis(T0);
        let mut tx = self.db.begin().await.unwrap();
        directory::apply_users(&mut tx, ORG, &[user(2, "Robo"), user(3, "Bo")], Listing::Complete, now)
            .await
            .unwrap();
        directory::apply_contacts(&mut tx, ORG, &[contact(1)], now).await.unwrap();
        let snapshots: Vec<Snapshot> = (1..=count).map(snapshot).collect();
        for batch in snapshots.chunks(64) {
            mirror::apply(&mut tx, ORG, batch, now).await.unwrap();
        }
        let file = b"%PDF-1.7 \x00\xff".as_slice();
        mirror::store_attachment(&mut tx, ORG, AttachmentId(7), file, Some("application/pdf"), now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
}

/// An empty database on the server that `LONGSHORE_TEST_POSTGRES` names; `None` without one.
pub(crate) async fn database() -> Option<String> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let Ok(server) = std::env::var("LONGSHORE_TEST_POSTGRES") else {
        assert!(
            std::env::var_os("LONGSHORE_TEST_POSTGRES_REQUIRED").is_none(),
            "LONGSHORE_TEST_POSTGRES is not set"
        );
        return None;
    };
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("longshore_sinks_{}_{number}", std::process::id());
    let admin = sqlx::PgPool::connect(&server).await.unwrap();
    // Names of ours only.
    for statement in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
        let statement = sqlx::AssertSqlSafe(format!("{statement} {name}"));
        sqlx::query(statement).execute(&admin).await.unwrap();
    }
    admin.close().await;
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path(&name);
    Some(url.to_string())
}

/// Run a test on SQLite, and on PostgreSQL where there is one.
pub(crate) async fn on_both<F: Future<Output = ()>>(test: impl Fn(Fixture) -> F) {
    test(Fixture::sqlite().await).await;
    if let Some(fixture) = Fixture::postgres().await {
        test(fixture).await;
    }
}

pub(crate) fn user(id: i64, name: &str) -> User {
    User {
        user_id: UserId(id),
        name: Some(Pii::new(name.to_owned())),
        alias: None,
        email: Some(Pii::new(String::new())),
        phone: None,
        locale: None,
        availability: None,
        role: None,
        time_zone: None,
        avatar_url: None,
        verified: Some(true),
        bot: Some(id == 2),
        created_at: None,
        updated_at: None,
        extra: "{}".to_owned(),
    }
}

pub(crate) fn contact(id: i64) -> Contact {
    Contact {
        contact_id: ContactId(id),
        created_at: Some(Millis(T0)),
        email: Some(Pii::new("ada@example.test".to_owned())),
        name: Some(Pii::new("Ada".to_owned())),
        phone: None,
        external_id: Some(Pii::new("00123".to_owned())),
        attributes: Pii::new("{\"score\":12345678901234567890.10}".to_owned()),
        extra: Pii::new("{}".to_owned()),
    }
}

pub(crate) fn snapshot(id: i64) -> Snapshot {
    let conversation = Conversation {
        conversation_id: ConversationId(id),
        contact_id: Some(ContactId(id)),
        inbox_id: None,
        status: "open".to_owned(),
        created_at: Some(Millis(T0 + id * 86_400_000)),
        updated_at: Some(Millis(T0 + id * 86_400_000 + 1)),
        extra: "{}".to_owned(),
    };
    let details = Details {
        participants: vec![UserId(2), UserId(3)],
        tags: vec![Tag { name: "vip, really".to_owned(), color: Some("ff0000".to_owned()) }],
        related_playbook_id: None,
        extra: "{}".to_owned(),
    };
    // The tests of long lists need many conversations, not many messages.
    let count = if id <= 100 { 5 } else { 1 };
    let mut messages: Vec<Message> = (0..count).map(|n| message(id * 10 + n, n)).collect();
    if id == 1 {
        messages[1].body = Some(Pii::new(NASTY.to_owned()));
        messages[2].body = None;
        messages[3].body = Some(Pii::new(String::new()));
        messages[4].attachments = vec![attachment(7, "../../a b.pdf"), attachment(8, "never fetched.png")];
    }
    Snapshot { conversation, details: Some(details), messages: Some(messages), fetched_at: Millis(T0) }
}

fn message(id: i64, n: i64) -> Message {
    let (kind, author) = if n % 2 == 0 { ("user", 2) } else { ("contact", id / 10) };
    Message {
        message_id: MessageId(id),
        author: Author { kind: kind.to_owned(), id: Some(author), bot: n % 2 == 0 },
        kind: "chat".to_owned(),
        body: Some(Pii::new(format!(
            "<p>Message {n} of <b>many</b> &amp; more, which says a little about prices</p>"
        ))),
        created_at: Some(Millis(T0 + id)),
        edited_message_id: None,
        edit_type: None,
        attachments: Vec::new(),
        extra: Pii::new("{\"context\":{\"href\":\"https://site.test/pricing\"}}".to_owned()),
    }
}

fn attachment(id: i64, name: &str) -> Attachment {
    Attachment {
        attachment_id: AttachmentId(id),
        file_name: Some(Pii::new(name.to_owned())),
        mime_type: None,
        url: None,
        extra: "{}".to_owned(),
    }
}
