//! Regular jobs on the command line: shown, set to other times, set back.

use crate::support::{Double, Place, small};

#[test]
fn a_sweep_is_set_to_other_times_and_back() {
    let (place, double) = (Place::new(), Double::start(small()));
    let connect = ["connect", "--token-stdin", "--set", &double.api()];
    assert_eq!(place.run_with_stdin(&connect, double.sandbox.private_token()).code, 0);
    let sweep = || {
        let all = place.run(&["schedules", "list", "--json"]).json();
        all["schedules"].as_array().unwrap().iter().find(|one| one["kind"] == "sweep").unwrap().clone()
    };
    let usual = sweep();
    assert_eq!((&usual["usual"], &usual["time_zone"]), (&true.into(), &"UTC".into()));

    let words = ["schedules", "set", "sweep", "--cron", "*/15 * * * *", "--time-zone", "Europe/Berlin"];
    let set = place.run(&words);
    assert_eq!(set.code, 0, "{}", set.stderr);
    assert!(set.stdout.starts_with("sweep comes next at "), "{}", set.stdout);
    let changed = sweep();
    assert_eq!((&changed["cron"], &changed["usual"]), (&"*/15 * * * *".into(), &false.into()));
    assert!(place.run(&["audit", "list"]).stdout.contains("schedule.set"));

    assert_eq!(place.run(&["schedules", "reset", "sweep"]).code, 0);
    assert_eq!(sweep()["cron"], usual["cron"]);
}

#[test]
fn times_that_are_none_are_refused_and_change_nothing() {
    let (place, double) = (Place::new(), Double::start(small()));
    let connect = ["connect", "--token-stdin", "--set", &double.api()];
    assert_eq!(place.run_with_stdin(&connect, double.sandbox.private_token()).code, 0);
    let before = place.run(&["schedules", "list"]).stdout;
    for (words, hint) in [
        (["sweep", "every hour", "UTC"], "five fields"),
        (["sweep", "0 3 30 2 *", "UTC"], "check day and month"),
        (["sweep", "0 3 * * *", "Berlin"], "an IANA name"),
        (["seep", "0 3 * * *", "UTC"], "one of sweep"),
    ] {
        let [kind, cron, zone] = words;
        let ran = place.run(&["schedules", "set", kind, "--cron", cron, "--time-zone", zone]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{}", ran.stderr);
    }
    assert_eq!(place.run(&["schedules", "list"]).stdout, before);
}
