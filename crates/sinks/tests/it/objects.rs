//! Tables as objects: in memory, in an S3 double that enforces conditions, and in an S3 server of somebody else's where
//! there is one (`LONGSHORE_TEST_S3`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use drift::{HttpOptions, HttpTransport};
use model::{FakeClock, Millis, Secret};
use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use sinks::copy::{self, Source};
use sinks::format::{Compression, Format, Formulas};
use sinks::objects::{Bucket, Network, ObjectError, ObjectOptions, ObjectSink, Retry};
use sinks::sink::{Plan, Sink, Subject};
use sinks::{Destination, SinkError};
use store::tables::{self, Row, Table};

use crate::conformance::{self, Place, assert_same, copy_all, plan, seen, stored};
use crate::files;
use crate::fixture::{Fixture, ORG, T0, on_both};
use crate::s3::S3;

/// Longer than a claim that is not renewed holds.
const LEASE_MS: i64 = 16 * 60 * 1_000;

/// What an upload sends at once.
const PIECE_BYTES: u64 = 8 * 1024 * 1024;

/// Whose store it is.
enum Shelf {
    Memory(Arc<InMemory>),
    Double(Arc<S3>),
    Server(Arc<HttpTransport>, String),
}

/// A prefix of a bucket.
pub(crate) struct Prefix {
    shelf: Shelf,
    format: Format,
    compression: Compression,
    clock: FakeClock,
    prefix: &'static str,
    /// One above, which holds that and is no export.
    outer: &'static str,
}

impl Prefix {
    fn of(shelf: Shelf, format: Format) -> Self {
        let (compression, clock) = (Compression::None, FakeClock::at(Millis(T0)));
        Self { shelf, format, compression, clock, prefix: "drift/one", outer: "drift" }
    }

    pub(crate) fn double(format: Format) -> (Arc<S3>, Self) {
        let s3 = Arc::new(S3::default());
        (s3.clone(), Self::of(Shelf::Double(s3), format))
    }

    fn bucket(&self, prefix: &str) -> Bucket {
        let clock = Arc::new(self.clock.clone());
        match &self.shelf {
            Shelf::Memory(memory) => {
                Bucket::over(memory.clone(), &format!("s3://lake/{prefix}").parse().unwrap(), clock)
            }
            Shelf::Double(s3) => s3.bucket(prefix, clock),
            Shelf::Server(transport, endpoint) => {
                let options = ObjectOptions {
                    address: format!("s3://lake/{prefix}").parse().unwrap(),
                    endpoint: Some(endpoint.parse().unwrap()),
                    settings: [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")]
                        .map(|(name, value)| (name.to_owned(), Secret::new(value)))
                        .into(),
                    retry: Retry::default(),
                };
                let transport: Arc<dyn drift::Transport> = transport.clone();
                options.connect(Network { transport: transport.clone(), near: transport, clock }).unwrap()
            }
        }
    }

    pub(crate) fn destination(&self) -> Destination {
        let (bucket, format) = (self.bucket(self.prefix), self.format);
        Destination::Objects {
            bucket,
            format,
            compression: Compression::None,
            formulas: Formulas::Keep,
            delta: false,
        }
    }

    fn sink_at(&self, prefix: &str) -> Box<dyn Sink> {
        let sink = ObjectSink::new(self.bucket(prefix), self.format, Formulas::Keep);
        Box::new(sink.compressed(self.compression))
    }

    /// An object's bytes, by the means of a reader.
    async fn get(&self, name: &str) -> Option<Vec<u8>> {
        let name = format!("{}/{name}", self.prefix);
        match &self.shelf {
            Shelf::Memory(memory) => {
                let found = memory.get(&name.as_str().into()).await.ok()?;
                Some(found.bytes().await.unwrap().to_vec())
            }
            Shelf::Double(s3) => s3.get(&name).map(|bytes| bytes.to_vec()),
            Shelf::Server(transport, endpoint) => {
                let request =
                    http::Request::get(format!("{endpoint}/lake/{name}")).body(bytes::Bytes::new()).unwrap();
                let limits = drift::Limits { body_bytes_max: 64 * 1024 * 1024 };
                let answer = drift::Transport::send(transport.as_ref(), request, limits).await.unwrap();
                answer.status().is_success().then(|| answer.into_body().to_vec())
            }
        }
    }

    async fn manifest(&self) -> Json {
        let manifest = self.get("manifest.json").await.map(|bytes| serde_json::from_slice(&bytes).unwrap());
        manifest.unwrap_or(Json::Null)
    }
}

impl Place for Prefix {
    fn sink(&self) -> Box<dyn Sink> {
        // What another process has left behind is known to be dead only when its claim has run out.
        self.clock.advance(LEASE_MS);
        self.sink_at(self.prefix)
    }

    fn bad_sink(&self) -> Box<dyn Sink> {
        self.sink_at(self.outer)
    }

    async fn rows(&self, table: &'static Table) -> Vec<Row> {
        let folder = tempfile::tempdir().unwrap();
        let mut rows = Vec::new();
        for part in self.manifest().await["tables"].as_array().into_iter().flatten() {
            if part["table"] != table.name {
                continue;
            }
            let name = part["file"].as_str().unwrap();
            let bytes = self.get(name).await.unwrap_or_else(|| panic!("{name} is named and not there"));
            assert_eq!(part["sha256"], hex::encode(Sha256::digest(&bytes)), "{name}");
            let path = folder.path().join(name.rsplit('/').next().unwrap());
            std::fs::write(&path, &bytes).unwrap();
            let found = files::rows_of(&path, table, self.format);
            assert_eq!(part["rows"], found.len(), "{name}");
            rows.extend(found);
        }
        rows
    }
}

async fn holds(shelf: impl Fn() -> Shelf) {
    for format in Format::ALL {
        on_both(async |fixture| conformance::holds(&fixture, &Prefix::of(shelf(), format)).await).await;
    }
    for (format, compression) in [(Format::Ndjson, Compression::Gzip), (Format::Csv, Compression::Zstd)] {
        let prefix = || Prefix { compression, ..Prefix::of(shelf(), format) };
        on_both(async |fixture| conformance::holds(&fixture, &prefix()).await).await;
    }
}

#[tokio::test]
async fn objects_in_memory_keep_what_sinks_promise() {
    holds(|| Shelf::Memory(Arc::default())).await;
}

#[tokio::test]
async fn objects_of_an_s3_that_enforces_conditions_keep_what_sinks_promise() {
    holds(|| Shelf::Double(Arc::default())).await;
}

/// Against a server of somebody else's: see .ci/object-store.
#[tokio::test]
async fn objects_of_a_server_of_others_keep_what_sinks_promise() {
    let Ok(endpoint) = std::env::var("LONGSHORE_TEST_S3") else {
        assert!(std::env::var_os("LONGSHORE_TEST_S3_REQUIRED").is_none(), "LONGSHORE_TEST_S3 is not set");
        return;
    };
    let transport =
        Arc::new(HttpTransport::new(HttpOptions { proxies: false, ..HttpOptions::default() }).unwrap());
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    for format in Format::ALL {
        on_both(async |fixture| {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let outer: &'static str = format!("drift-{}-{number}", std::process::id()).leak();
            let prefix: &'static str = format!("{outer}/one").leak();
            let shelf = Shelf::Server(transport.clone(), endpoint.clone());
            conformance::holds(&fixture, &Prefix { prefix, outer, ..Prefix::of(shelf, format) }).await;
        })
        .await;
    }
}

/// Everything written and committed by one run.
async fn export(fixture: &Fixture, sink: &mut dyn Sink, run: &str) -> Result<(), SinkError> {
    sink.check(&plan(run)).await?;
    for table in tables::every() {
        let source = Source::all(&fixture.db, ORG);
        copy::table(source, sink, table, &mut |_| {}).await?;
    }
    sink.commit(Millis(T0)).await
}

#[tokio::test]
async fn of_two_exports_at_once_the_second_is_told_and_nothing_is_lost() {
    on_both(async |fixture| {
        fixture.fill(40).await;
        let (_, prefix) = Prefix::double(Format::Parquet);
        let (mut first, mut second) = (prefix.sink(), prefix.sink_at(prefix.prefix));
        first.check(&plan("1")).await.unwrap();
        let busy = second.check(&plan("2")).await.unwrap_err();
        assert!(
            matches!(&busy, SinkError::Objects(ObjectError::Busy { run, .. }) if run == "run 1"),
            "{busy}"
        );
        copy_all(&fixture, first.as_mut()).await;
        first.commit(Millis(T0)).await.unwrap();
        assert_same(seen(&prefix).await, &stored(&fixture).await);

        // The first does not say for long that it lives: the second takes over, and the first can do no harm any more.
        first.check(&plan("3")).await.unwrap();
        copy_all(&fixture, first.as_mut()).await;
        let mut second = prefix.sink();
        second.check(&plan("4")).await.unwrap();
        let overtaken = first.commit(Millis(T0)).await.unwrap_err();
        assert!(matches!(overtaken, SinkError::Objects(ObjectError::Overtaken { .. })), "{overtaken}");
        copy_all(&fixture, second.as_mut()).await;
        second.commit(Millis(T0)).await.unwrap();
        assert_same(seen(&prefix).await, &stored(&fixture).await);
        assert_eq!(prefix.manifest().await["run_id"], "run 4");
    })
    .await;
}

/// The runs whose parts lie in the bucket.
fn runs(s3: &S3) -> BTreeSet<String> {
    let names = s3.names();
    let parts = names.iter().filter_map(|name| name.rsplit_once("/part-").map(|(_, rest)| rest));
    parts.map(|rest| rest.split('.').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_was_replaced_stays_an_hour_for_its_readers_and_goes_with_the_next_check() {
    on_both(async |fixture| {
        fixture.fill(20).await;
        let (s3, prefix) = Prefix::double(Format::Ndjson);
        for run in ["1", "2"] {
            export(&fixture, prefix.sink().as_mut(), run).await.unwrap();
        }
        assert_eq!(runs(&s3), ["run_1", "run_2"].map(str::to_owned).into());
        prefix.sink().check(&plan("3")).await.unwrap();
        assert_eq!(runs(&s3), ["run_1", "run_2"].map(str::to_owned).into(), "a quarter of an hour later");
        prefix.clock.advance(60 * 60 * 1_000);
        prefix.sink().check(&plan("4")).await.unwrap();
        assert_eq!(runs(&s3), ["run_2"].map(str::to_owned).into());
        assert_same(seen(&prefix).await, &stored(&fixture).await);
    })
    .await;
}

#[tokio::test]
async fn an_erasure_leaves_nothing_of_a_person_in_any_object() {
    on_both(async |fixture| {
        fixture.fill(20).await;
        let (s3, prefix) = Prefix::double(Format::Ndjson);
        for run in ["1", "2"] {
            export(&fixture, prefix.sink().as_mut(), run).await.unwrap();
        }
        s3.put("drift/one/thesis.txt", "mine");
        let subject = Subject {
            org: ORG,
            conversations: [model::ConversationId(1)].into(),
            contacts: [model::ContactId(1)].into(),
            attachments: BTreeSet::new(),
        };
        assert!(prefix.sink().erase(&subject).await.unwrap().rows > 5);
        for name in s3.names() {
            let text = String::from_utf8(s3.get(&name).unwrap().to_vec()).unwrap();
            assert!(!text.contains("\"conversation_id\":1,"), "{name}");
        }
        assert_eq!(s3.get("drift/one/thesis.txt").unwrap(), "mine");
    })
    .await;
}

/// A run that is cut off after so many changes at the store; `true` when it came to its end before.
async fn cut_off(fixture: &Fixture, prefix: &Prefix, s3: &S3, run: &str) -> bool {
    let mut sink = prefix.sink();
    tokio::select! {
        biased;
        () = s3.died() => false,
        done = export(fixture, sink.as_mut(), run) => { done.unwrap(); true }
    }
}

#[tokio::test]
async fn a_run_that_is_killed_anywhere_leaves_the_export_before_and_nothing_that_stays() {
    on_both(async |fixture| {
        fixture.fill(30).await;
        fixture.fill_long_month().await;
        let (s3, prefix) = Prefix::double(Format::Ndjson);
        export(&fixture, prefix.sink().as_mut(), "0").await.unwrap();
        let all = s3.changes().len();
        let before = stored(&fixture).await;
        fixture.fill(35).await;
        let after = stored(&fixture).await;
        for moment in 0..20 {
            s3.kill_after(moment * all / 20, moment % 2 == 0);
            let is_done = cut_off(&fixture, &prefix, &s3, &format!("a{moment}")).await;
            s3.heal();
            assert!(!is_done, "{moment}");
            let is_new = prefix.manifest().await["run_id"] != "run 0";
            assert_same(seen(&prefix).await, if is_new { &after } else { &before });
        }
        export(&fixture, prefix.sink().as_mut(), "z").await.unwrap();
        assert_same(seen(&prefix).await, &after);
        prefix.clock.advance(60 * 60 * 1_000);
        prefix.sink().check(&plan("last")).await.unwrap();
        assert_eq!(runs(&s3), ["run_z"].map(str::to_owned).into());
        assert_eq!(s3.unfinished(), 0);
        let own = |name: &&String| name.contains(".longshore");
        assert_eq!(s3.names().iter().filter(own).collect::<Vec<_>>(), ["drift/one/.longshore/state.json"]);
    })
    .await;
}

#[tokio::test]
async fn a_run_that_goes_on_writes_nothing_again_that_it_had_finished() {
    on_both(async |fixture| {
        fixture.fill(40).await;
        let (s3, prefix) = Prefix::double(Format::Parquet);
        let source = Source::all(&fixture.db, ORG);
        let messages = store::tables::table("messages").unwrap();
        let mut sink = prefix.sink();
        sink.check(&plan("1")).await.unwrap();
        let recorded = copy::table(source, sink.as_mut(), messages, &mut |_| {}).await.unwrap();
        drop(sink);
        s3.changes();

        // The same run need not wait for its own claim to run out.
        let goes_on = Plan { recorded: recorded.clone(), ..plan("1") };
        let mut sink = prefix.sink_at(prefix.prefix);
        sink.check(&goes_on).await.unwrap();
        for table in tables::every().filter(|table| table.name != "messages") {
            copy::table(source, sink.as_mut(), table, &mut |_| {}).await.unwrap();
        }
        sink.commit(Millis(T0)).await.unwrap();
        assert!(!s3.changes().iter().any(|(_, name)| name.contains("/messages/")));
        assert_same(seen(&prefix).await, &stored(&fixture).await);

        let lost = Plan { recorded: recorded.clone(), ..plan("2") };
        let error = prefix.sink().check(&lost).await.unwrap_err();
        assert!(matches!(error, SinkError::PartLost { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_large_part_goes_up_in_pieces() {
    on_both(async |fixture| {
        fixture.fill_long_month().await;
        let (s3, prefix) = Prefix::double(Format::Ndjson);
        export(&fixture, prefix.sink().as_mut(), "1").await.unwrap();
        let changes = s3.changes();
        let made = changes.iter().filter(|(_, name)| name.contains("tables/messages/")).count();
        let manifest = prefix.manifest().await;
        let parts = manifest["tables"].as_array().unwrap().iter().filter(|part| part["table"] == "messages");
        let bytes = parts.map(|part| part["bytes"].as_u64().unwrap()).max().unwrap();
        assert!(bytes > PIECE_BYTES, "{bytes}");
        assert_eq!(made as u64, bytes.div_ceil(PIECE_BYTES) + 2, "begun, sent in pieces, put together");
        assert_same(seen(&prefix).await, &stored(&fixture).await);
        assert_eq!(s3.unfinished(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_makes_a_bucket_no_target_is_told_before_anything_is_written() {
    on_both(async |fixture| {
        fixture.fill(2).await;
        let (s3, prefix) = Prefix::double(Format::Csv);
        let clock = || Arc::new(prefix.clock.clone());
        let wrong = s3.bucket_with("a", clock(), &[("AWS_ACCESS_KEY_ID", "AKIAWRONG")]);
        let region = s3.bucket_with("a", clock(), &[("AWS_REGION", "us-east-2")]);
        let mut told = Vec::new();
        for bucket in [wrong, region] {
            told.push(refusal(&s3, bucket).await);
        }
        for (method, status, code) in [
            ("PUT", 403, "AccessDenied"),
            ("DELETE", 403, "AccessDenied"),
            ("GET", 403, "AccessDenied"),
            ("GET", 404, "NoSuchBucket"),
            ("PUT", 507, "XMinioStorageFull"),
            ("PUT", 503, "SlowDown"),
        ] {
            s3.fail(move |asked, _| (asked.as_str() == method).then_some((status, code)));
            told.push(refusal(&s3, s3.bucket("a", clock())).await);
            s3.heal();
        }
        s3.forget_conditions();
        told.push(refusal(&s3, s3.bucket("a", clock())).await);
        insta::allow_duplicates! { insta::assert_snapshot!("refusals", told.join("\n")) };
    })
    .await;
}

/// What is said about a bucket that cannot be one, and that nothing of an export is in it.
async fn refusal(s3: &S3, bucket: Bucket) -> String {
    let mut sink = ObjectSink::new(bucket, Format::Csv, Formulas::Keep);
    let error = sink.check(&plan("1")).await.unwrap_err();
    assert!(s3.names().iter().all(|name| name.contains(".longshore/probe")), "{:?}", s3.names());
    let told = format!("{error}\n  hint: {}", error.hint().unwrap());
    assert!(!told.contains("hunter2") && !format!("{error:?}").contains("hunter2"), "{error:?}");
    told
}

#[tokio::test]
async fn a_store_that_fails_on_the_way_is_told_and_the_next_run_goes_through() {
    on_both(async |fixture| {
        fixture.fill(20).await;
        let (s3, prefix) = Prefix::double(Format::Parquet);
        export(&fixture, prefix.sink().as_mut(), "0").await.unwrap();
        let before = stored(&fixture).await;
        for (number, (status, code, expected)) in [
            (503, "SlowDown", "is not able to write objects now (status 503)"),
            (403, "AccessDenied", "do not allow to write objects"),
            (507, "XMinioStorageFull", "no space is left"),
            (404, "NoSuchBucket", "does not exist"),
        ]
        .into_iter()
        .enumerate()
        {
            s3.fail(move |method, name| {
                (method == "PUT" && name.contains("/messages/")).then_some((status, code))
            });
            let error = export(&fixture, prefix.sink().as_mut(), &format!("f{number}")).await.unwrap_err();
            assert!(error.to_string().contains(expected) && error.hint().is_some(), "{error}");
            s3.heal();
            assert_same(seen(&prefix).await, &before);
        }
        // One refusal in between is no failure.
        let mut times = 0;
        s3.fail(move |method, _| {
            times += 1;
            (method == "PUT" && times % 7 == 0).then_some((503, "SlowDown"))
        });
        export(&fixture, prefix.sink().as_mut(), "1").await.unwrap();
        assert_same(seen(&prefix).await, &stored(&fixture).await);
        assert_eq!(prefix.manifest().await["run_id"], "run 1");
    })
    .await;
}
