//! Settings, help, completions: what needs neither database nor network.

use crate::support::Place;

#[test]
fn a_stronger_place_wins_and_is_named() {
    let place = Place::new();
    place.write("longshore.toml", "per_minute = 100\nconcurrency = 4\noverlap_hours = 2\n");
    let mut command = place.command(&["config", "--json", "--set", "concurrency=8"]);
    command.env("LONGSHORE_PER_MINUTE", "200").env("LONGSHORE_CLIENT_SECRET", "canary-secret");
    command.env("DATABASE_URL", "postgres://ada:canary-password@db/store");
    let ran = place.ran(command.output().unwrap());
    let report = ran.json();
    let of = |name: &str| {
        let settings = report["settings"].as_array().unwrap();
        let line = settings.iter().find(|line| line["name"] == name).unwrap();
        format!("{} from {}", line["value"].as_str().unwrap(), line["from"].as_str().unwrap())
    };
    assert_eq!(of("overlap_hours"), "2 from longshore.toml:3:17");
    assert_eq!(of("per_minute"), "200 from LONGSHORE_PER_MINUTE");
    assert_eq!(of("concurrency"), "8 from --set");
    assert_eq!(of("database"), "postgres://ada:***@db/store from DATABASE_URL");
    assert_eq!(of("client_secret"), "*** from LONGSHORE_CLIENT_SECRET");
    assert!(!ran.stdout.contains("canary"));
}

#[test]
fn completions_name_every_command() {
    let ran = Place::new().run(&["completions", "bash"]);
    assert_eq!(ran.code, 0);
    for command in ["demo", "archive", "verify", "certificate", "export", "doctor"] {
        assert!(ran.stdout.contains(command), "{command}");
    }
}

#[test]
fn help_goes_to_stdout_and_a_wrong_word_to_stderr() {
    let place = Place::new();
    let help = place.run(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    assert!(help.stdout.contains("longshore demo"));
    let wrong = place.run(&["arhcive"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""));
    insta::assert_snapshot!(wrong.told(), @r"
    error: unrecognized subcommand 'arhcive'
    
      tip: a similar subcommand exists: 'archive'
    
    Usage: longshore [OPTIONS] <COMMAND>
    
    For more information, try '--help'.
    exit 2
    ");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_told() {
    let place = Place::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = place.ran(place.command(&["config"]).stdout(full).output().unwrap());
    insta::assert_snapshot!(ran.told(), @r"
    error: cannot write to stdout: No space left on device (os error 28)
    exit 7
    ");
}
