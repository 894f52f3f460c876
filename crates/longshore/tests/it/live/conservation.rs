//! Webhooks doubled, shuffled, late and lost; the gateway and the worker killed with -9: nothing is lost.

use crate::databases;
use crate::live::rehearse;
use crate::support::Place;

const SMALL: [&str; 8] = ["--events", "2000", "--kills", "6", "--conversations", "200", "--late", "4"];

#[test]
fn killed_processes_on_sqlite_lose_nothing() {
    let report = rehearse(&Place::new(), &SMALL);
    assert_eq!(report["kills"], 6);
}

#[test]
fn killed_processes_on_postgresql_lose_nothing() {
    let Some(database) = databases::postgres() else { return };
    let report = rehearse(&Place::new(), &[&SMALL[..], &["--postgres", &database]].concat());
    assert_eq!(report["kills"], 6);
}
