//! kill -9 at twenty moments of an archive, then on: nothing lost, nothing doubled, at most a page asked for again.

use std::collections::HashSet;

use model::{Entropy, SeededEntropy};
use sandbox::{Options, Source};

use crate::databases;
use crate::support::{Double, Place, small, wait_until};

const KILLS: u64 = 20;
const CONVERSATIONS: u64 = 1_000;
/// Conversations of one page of the list: what may be asked for again after a kill.
const PAGE: usize = 50;
/// Calls that an archive lets pass between its start and its death, at most.
const STRIDE: u64 = 100;

/// What is asked for once in an archive that is never killed.
fn is_single(path: &str) -> bool {
    let numbered =
        path.split('/').any(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    numbered && ["/conversations/", "/contacts/", "/attachments/"].iter().any(|head| path.starts_with(head))
}

#[test]
fn twenty_kills_cost_a_page_each_and_no_row() {
    for database in databases::each() {
        let place = Place::new();
        let source = Source::Generated { conversations: CONVERSATIONS };
        let double = Double::start(Options { source, ..small() });
        let set = [
            "--database",
            &database,
            "--set",
            &double.api(),
            "--set",
            "per_minute=0",
            "--set",
            "reports_per_minute=0",
        ];
        let token = double.sandbox.private_token().to_owned();
        assert_eq!(place.run_with_stdin(&[&["connect", "--token-stdin"], &set[..]].concat(), &token).code, 0);

        let archive = [&["archive", "--json"], &set[..]].concat();
        let (dice, mut asked) = (SeededEntropy::new(20), HashSet::new());
        for kill in 1..=KILLS {
            let (before, moment) = (double.sandbox.log().total(), 1 + dice.below(STRIDE));
            let mut child = place.command(&archive).spawn().unwrap();
            wait_until(|| {
                double.sandbox.log().total() >= before + moment || child.try_wait().unwrap().is_some()
            });
            assert!(child.try_wait().unwrap().is_none(), "the archive ended before kill {kill}");
            child.kill().unwrap();
            child.wait().unwrap();
            let again = asked_again(&double, &mut asked);
            assert!(again <= PAGE, "kill {kill} cost {again}, more than a page");
        }
        let ended = place.run(&archive);
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        assert!(asked_again(&double, &mut asked) <= PAGE);

        let (there, report) = (double.sandbox.world().counts(), ended.json());
        assert_eq!(report["conversations"], there.conversations);
        assert_eq!(report["messages"], there.messages);
        assert_eq!(report["contacts"], there.contacts);
        let verified = place.run(&[&["verify", "--json"], &set[..]].concat());
        assert_eq!(verified.json()["verified"], true, "{}", verified.stdout);
    }
}

/// Empty the sandbox's log, and count the objects in it that an earlier process had asked for in the same words. A
/// conversation of several pages of messages is one object.
fn asked_again(double: &Double, asked: &mut HashSet<String>) -> usize {
    let entries = double.sandbox.log().entries();
    double.sandbox.log().clear();
    let singles: Vec<_> = entries.iter().filter(|entry| is_single(entry.path())).collect();
    let again: HashSet<&str> =
        singles.iter().filter(|entry| asked.contains(&*entry.target)).map(|entry| entry.path()).collect();
    let count = again.len();
    asked.extend(singles.iter().map(|entry| entry.target.to_string()));
    count
}
