//! What the fuzzers found worth keeping, run as tests, and the same targets over random input.
//!
//! The corpus lies in `tests/corpus`, one folder a target; the crate `fuzz` at the root of the repository adds to it.

mod targets;

use std::path::Path;

use proptest::prelude::*;

/// Each file of a target's corpus.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(target);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn the_corpus_of_events_is_read_or_refused() {
    let files = corpus("event");
    assert!(files.len() >= 20, "{}", files.len());
    for (_, bytes) in files {
        targets::event(&bytes);
    }
}

#[test]
fn the_corpus_of_answers_is_read_or_refused_by_every_decoder() {
    let files = corpus("decoders");
    assert!(files.len() >= 20, "{}", files.len());
    for (_, bytes) in files {
        for endpoint in 0..targets::ENDPOINTS {
            for form in 0..targets::FORMS {
                targets::answer(endpoint, form, &bytes);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        targets::event(&bytes);
        targets::decoders(&bytes);
    }

    #[test]
    fn any_json_is_read_or_refused(
        endpoint in 0..targets::ENDPOINTS, form in 0..targets::FORMS, value in crate::wire::any_json(),
    ) {
        targets::answer(endpoint, form, value.to_string().as_bytes());
        targets::answer(endpoint, form, format!(r#"{{"data":{value}}}"#).as_bytes());
        targets::answer(endpoint, form, format!(r#"{{"data":[{{"id":1,"attributes":{value}}}]}}"#).as_bytes());
    }
}
