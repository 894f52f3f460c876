//! What every sink promises, as one tale that each of them goes through. See `sinks::sink`.

use std::collections::BTreeSet;

use model::{AttachmentId, ContactId, ConversationId, Millis, RunId};
use sinks::copy::{self, Source};
use sinks::selection::Selection;
use sinks::sink::{Plan, Sink, Subject};
use sinks::transcript::{NoFiles, html, markdown, one, text};
use store::export_runs::ExportMode;
use store::tables::{self, Basis, Row, TABLES, Table, Value};

use crate::fixture::{Fixture, ORG, T0};

/// A destination, seen by a reader who knows nothing of us.
pub(crate) trait Place {
    /// A sink into it, as another process would make it.
    fn sink(&self) -> Box<dyn Sink>;

    /// A sink into a target that cannot be one.
    fn bad_sink(&self) -> Box<dyn Sink>;

    /// The rows that can be seen of a table, in any order; none where there is nothing.
    async fn rows(&self, table: &'static Table) -> Vec<Row>;
}

/// Rows by table.
pub(crate) type Tables = Vec<(&'static str, Vec<Row>)>;

/// Hold a sink to everything that is promised of it.
pub(crate) async fn holds(fixture: &Fixture, place: &impl Place) {
    fixture.fill(70).await;
    let plan = plan("1");
    let mut sink = place.sink();
    sink.check(&plan).await.unwrap();
    copy_all(fixture, sink.as_mut()).await;
    assert_eq!(seen(place).await, Vec::new(), "nothing may be seen before the commit");
    sink.commit(Millis(T0)).await.unwrap();
    drop(sink);
    let first = stored(fixture).await;
    assert_same(seen(place).await, &first);

    given_up(fixture, place, &first).await;
    repeated(fixture, place).await;
    erased(fixture, place).await;
    refused(place).await;
}

/// A run that ends without a commit leaves what was there.
async fn given_up(fixture: &Fixture, place: &impl Place, first: &[(&'static str, Vec<Row>)]) {
    fixture.fill(90).await;
    let mut sink = place.sink();
    sink.check(&plan("2")).await.unwrap();
    copy_all(fixture, sink.as_mut()).await;
    drop(sink);
    assert_same(seen(place).await, first);
}

/// A part that is written twice is there once, and a run replaces the run before it.
async fn repeated(fixture: &Fixture, place: &impl Place) {
    let mut sink = place.sink();
    sink.check(&plan("3")).await.unwrap();
    let messages = tables::table("messages").unwrap();
    let source = Source::all(&fixture.db, ORG);
    copy::table(source, sink.as_mut(), messages, &mut |_| {}).await.unwrap();
    copy_all(fixture, sink.as_mut()).await;
    sink.commit(Millis(T0)).await.unwrap();
    drop(sink);
    assert_same(seen(place).await, &stored(fixture).await);
}

/// A person's rows go, all others stay, and there is nothing to erase afterwards.
async fn erased(fixture: &Fixture, place: &impl Place) {
    let subject = Subject {
        org: ORG,
        conversations: BTreeSet::from([ConversationId(1), ConversationId(40)]),
        contacts: BTreeSet::from([ContactId(1)]),
        attachments: BTreeSet::from([AttachmentId(7), AttachmentId(8)]),
    };
    let erased = place.sink().erase(&subject).await.unwrap();
    let mut left = stored(fixture).await;
    let mut gone = 0;
    for (name, rows) in &mut left {
        let columns = Subject::columns(tables::table(name).unwrap());
        let before = rows.len();
        rows.retain(|row| {
            !columns.iter().any(|(column, place)| match row[*place] {
                Value::Integer(id) => subject.has(column, id),
                _ => false,
            })
        });
        gone += before - rows.len();
    }
    assert!(gone > 10, "{gone}");
    assert_eq!(erased.rows, gone as u64);
    assert_same(seen(place).await, &left);
    assert_eq!(place.sink().erase(&subject).await.unwrap().rows, 0);
}

/// A target that cannot be one is told of in time, with what to do about it.
async fn refused(place: &impl Place) {
    let mut sink = place.bad_sink();
    let error = sink.check(&plan("4")).await.unwrap_err();
    assert!(error.hint().is_some(), "{error}");
}

pub(crate) async fn copy_all(fixture: &Fixture, sink: &mut dyn Sink) {
    for table in tables::every() {
        let source = Source::all(&fixture.db, ORG);
        let mut told = 0;
        let parts = copy::table(source, sink, table, &mut |done| told = done).await.unwrap();
        assert_eq!(parts.iter().map(|part| part.rows).sum::<u64>(), told, "{}", table.name);
        assert!(parts.iter().all(|part| part.table == table.name));
    }
}

pub(crate) fn plan(run: &str) -> Plan {
    Plan {
        org: ORG,
        run: RunId(format!("run {run}")),
        schema_version: 1,
        started_at: Millis(T0),
        tables: tables::every().collect(),
        mode: ExportMode::Full,
        selection: Selection::default(),
        basis: Basis::default(),
        recorded: Vec::new(),
    }
}

/// The tables that have rows, with them.
pub(crate) async fn stored(fixture: &Fixture) -> Tables {
    let mut all = Vec::new();
    for table in TABLES {
        let rows = tables::read(&fixture.db, table, ORG, None, 100_000).await.unwrap();
        all.push((table.name, sorted(rows)));
    }
    all.push(("transcripts", sorted(transcripts(fixture).await)));
    all
}

/// The rows of the table of transcripts, one after the other.
pub(crate) async fn transcripts(fixture: &Fixture) -> Vec<Row> {
    let conversations = tables::table("conversations").unwrap();
    let mut rows = Vec::new();
    for row in tables::read(&fixture.db, conversations, ORG, None, 100_000).await.unwrap() {
        let Value::Integer(id) = row[1] else { panic!("{row:?}") };
        let one = one::read(&fixture.db, ORG, ConversationId(id), &NoFiles).await.unwrap();
        let laid_out = [text::render(&one), html::render(&one, None), markdown::render(&one)];
        let at = row[conversations.place("created_at").unwrap()].clone();
        let columns = [row[0].clone(), row[1].clone(), at].into_iter();
        rows.push(columns.chain(laid_out.map(Value::Text)).collect());
    }
    rows
}

pub(crate) async fn seen(place: &impl Place) -> Tables {
    let mut all = Vec::new();
    for table in tables::every() {
        let rows = place.rows(table).await;
        if !rows.is_empty() {
            all.push((table.name, sorted(rows)));
        }
    }
    all
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_cached_key(|row| format!("{row:?}"));
    rows
}

#[track_caller]
pub(crate) fn assert_same(seen: Tables, expected: &[(&'static str, Vec<Row>)]) {
    let expected: Vec<_> = expected.iter().filter(|(_, rows)| !rows.is_empty()).cloned().collect();
    assert_eq!(
        seen.iter().map(|(name, rows)| (*name, rows.len())).collect::<Vec<_>>(),
        expected.iter().map(|(name, rows)| (*name, rows.len())).collect::<Vec<_>>()
    );
    for ((name, seen), (_, expected)) in seen.iter().zip(&expected) {
        for (seen, expected) in seen.iter().zip(expected) {
            assert_eq!(seen, expected, "{name}");
        }
    }
}
