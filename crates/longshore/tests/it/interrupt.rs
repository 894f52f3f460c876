//! Ctrl-C in the middle of an archive: it stops at a safe point, and the same command goes on.

use std::process::Command;

use sandbox::{Options, RateLimit, Source};

use crate::support::{Double, Place, small, wait_until};

#[cfg(unix)]
#[test]
fn an_archive_stops_at_a_checkpoint_and_goes_on() {
    let place = Place::new();
    let options = Options {
        source: Source::Generated { conversations: 200 },
        rate: RateLimit::per_minute(900),
        ..small()
    };
    let double = Double::start(options);
    let token = double.sandbox.private_token().to_owned();
    let set = ["--set", &double.api(), "--set", "per_minute=900"];
    assert_eq!(place.run_with_stdin(&[&["connect", "--token-stdin"], &set[..]].concat(), &token).code, 0);

    let archive = [&["archive", "--json"], &set[..]].concat();
    let child = place.command(&archive).spawn().unwrap();
    wait_until(|| double.sandbox.log().total() > 40);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let stopped = place.ran(child.wait_with_output().unwrap());
    assert_eq!(stopped.code, 130, "{}{}", stopped.stdout, stopped.stderr);
    assert!(stopped.stderr.contains("hint: run the same command again to go on"), "{}", stopped.stderr);

    double.sandbox.set_rate(RateLimit::none());
    let ended = place.run(&[&["archive", "--json"], &set[..2], &["--set", "per_minute=0"]].concat());
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.json()["resumed"], true);
    assert_eq!(ended.json()["conversations"], 200);
}
