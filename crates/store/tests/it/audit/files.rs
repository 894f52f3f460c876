//! The log as a file: whole or in part it is checked without the database, and whatever is done to it is found.

use std::path::Path;

use store::audit::{self, AuditError, Fault, Range, VerifiedFile};

use super::checkpoints::signer;
use super::tampering::write_log;
use crate::engines::{Store, on_both};
use crate::samples::NOW;

async fn export(store: &Store, range: Range, path: &Path) -> audit::Exported {
    let mut file = std::fs::File::create(path).unwrap();
    audit::export(&store.db, range, NOW.plus(100), (path, &mut file)).await.unwrap()
}

fn check(path: &Path) -> Result<VerifiedFile, Fault> {
    audit::verify_file(path, None, None).map_err(|error| match error {
        AuditError::Fault(fault) => fault,
        other => panic!("{other}"),
    })
}

#[tokio::test]
async fn a_file_is_checked_without_its_database() {
    on_both(async |store| {
        write_log(store).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.ndjson");
        let exported = export(store, Range::default(), &path).await;
        assert_eq!((exported.entries, exported.checkpoints, exported.last_seq), (20, 3, 20));
        let found = check(&path).unwrap();
        assert_eq!((found.verified.entries, found.verified.signed_seq), (20, 20));
        assert_eq!(found.trusted, [signer(store).await.public_key().to_vec()]);
        let error = audit::verify_file(&path, None, Some([7; 32])).unwrap_err();
        assert!(matches!(error, AuditError::Fault(Fault::Signature { number: 1, .. })), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_part_is_checked_like_the_whole() {
    on_both(async |store| {
        write_log(store).await;
        let folder = tempfile::tempdir().unwrap();
        let (path, second) = (folder.path().join("part.ndjson"), folder.path().join("second"));
        let exported = export(store, Range { after_seq: 8, through_seq: Some(16) }, &path).await;
        assert_eq!((exported.entries, exported.checkpoints), (8, 2));
        let found = check(&path).unwrap();
        assert_eq!((found.verified.entries, found.verified.last_seq, found.verified.checkpoints), (8, 16, 2));
        audit::follow(&store.db, &second).await.unwrap();
        let cut = audit::verify_file(&path, Some(&second), None).unwrap_err();
        assert!(matches!(cut, AuditError::Fault(Fault::Cut { seq: 17, known: 20, .. })), "{cut}");

        let mut tx = store.db.begin().await.unwrap();
        let who = audit::Who::node();
        let object = audit::Object::org(crate::samples::ORG);
        audit::append(&mut tx, &audit::NewEntry::done(NOW, &who, audit::Action::PauseSet, object)).unwrap();
        tx.commit().await.unwrap();
        export(store, Range { after_seq: 8, through_seq: Some(20) }, &path).await;
        audit::checkpoint(&store.db, &signer(store).await, NOW.plus(200)).await.unwrap().unwrap();
        audit::follow(&store.db, &second).await.unwrap();
        let found = audit::verify_file(&path, Some(&second), None).unwrap();
        assert_eq!(found.later_seq, Some(21), "the log went on after the file was written");
        let (mut out, range) = (Vec::new(), Range { after_seq: 99, through_seq: None });
        let missing = audit::export(&store.db, range, NOW, (&path, &mut out)).await;
        assert!(matches!(missing, Err(AuditError::Store(store::StoreError::NotFound { .. }))));
    })
    .await;
}

#[tokio::test]
async fn every_flipped_byte_of_a_file_is_found_in_its_line() {
    on_both(async |store| {
        write_log(store).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.ndjson");
        export(store, Range::default(), &path).await;
        let whole = std::fs::read(&path).unwrap();
        let starts: Vec<usize> = std::iter::once(0)
            .chain(whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1))
            .collect();
        // The 2nd line is the first checkpoint; entries begin with the 5th, so the 11th is entry 7.
        for line in [2, 11] {
            for at in starts[line - 1]..starts[line] {
                let mut changed = whole.clone();
                changed[at] ^= 1;
                std::fs::write(&path, &changed).unwrap();
                let fault = check(&path).unwrap_err();
                let named = match &fault {
                    Fault::Line { line: found, .. } => *found == line as u64,
                    Fault::Signature { number, .. } => {
                        line == 2 && [0, 1, 9].contains(number) || *number == 1
                    }
                    other => line == 11 && other.seq() == Some(7),
                };
                assert!(named, "byte {at} of line {line}: {fault}");
            }
        }
    })
    .await;
}

fn remove(lines: &mut Vec<&str>, at: usize) {
    lines.remove(at);
}

#[tokio::test]
async fn lines_dropped_added_swapped_or_cut_are_found() {
    on_both(async |store| {
        write_log(store).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.ndjson");
        export(store, Range::default(), &path).await;
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let write = |lines: &[&str]| std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        // Entry n is line n + 3, counted from 0.
        let case = |change: &dyn Fn(&mut Vec<&str>)| {
            let mut changed = lines.clone();
            change(&mut changed);
            write(&changed);
            check(&path).unwrap_err()
        };
        assert_eq!(case(&|lines| remove(lines, 10)), Fault::Missing { seq: 7, found: 8 });
        assert_eq!(case(&|lines| lines.insert(10, lines[12])), Fault::Missing { seq: 7, found: 9 });
        assert_eq!(case(&|lines| lines.swap(8, 12)), Fault::Missing { seq: 5, found: 9 });
        assert_eq!(case(&|lines| lines.truncate(22)).seq(), Some(19));
        let header = lines[0].replace("\"through_seq\":20", "\"through_seq\":18");
        let cut = case(&|lines| {
            lines.truncate(22);
            lines[0] = header.clone().leak();
        });
        assert!(matches!(cut, Fault::Cut { seq: 19, known: 20, .. }), "{cut}");
        assert!(matches!(case(&|lines| lines.push(lines[1])), Fault::Line { line: 25, .. }));
        assert!(matches!(case(&|lines| remove(lines, 0)), Fault::Line { line: 1, .. }));
    })
    .await;
}
