//! A disk that is full: a small file system in memory, where this machine lets a user mount one.

use std::process::Command;

use crate::support::Place;

/// Run the program with this many kilobytes of disk in `full/`; `None` where mounting is not allowed.
fn on_a_small_disk(place: &Place, kilobytes: u32, words: &str) -> Option<crate::support::Ran> {
    std::fs::create_dir_all(place.path("full")).unwrap();
    let mount = format!("mount -t tmpfs -o size={kilobytes}k tmpfs full");
    let script = format!("{mount} || exit 99; \"$0\" {words}");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script, env!("CARGO_BIN_EXE_longshore")]);
    let output = command.current_dir(place.path("")).output().ok()?;
    let refused =
        output.status.code() == Some(99) || String::from_utf8_lossy(&output.stderr).starts_with("unshare");
    (!refused).then(|| place.ran(output))
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_with_what_to_do() {
    let place = Place::new();
    // Room for the schema, not for the archive.
    let Some(ran) = on_a_small_disk(&place, 1_500, "demo --once --quiet --dir full") else {
        eprintln!("not tried: this machine lets nobody mount");
        return;
    };
    assert_eq!(ran.code, 7, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("the database's disk is full"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: free some room"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn an_export_to_a_full_disk_leaves_nothing_half_written() {
    let place = Place::new();
    assert_eq!(place.run(&["demo", "--once", "--quiet", "--conversations", "60"]).code, 0);
    let words = "export --format ndjson --to full/files --mask none --reason test --config longshore-demo/longshore.toml; code=$?; find full -type f; exit $code";
    let Some(ran) = on_a_small_disk(&place, 200, words.trim()) else { return };
    assert_eq!(ran.code, 7, "{}{}", ran.stdout, ran.stderr);
    assert!(!ran.stdout.contains("messages.ndjson"), "{}", ran.stdout);
}

#[cfg(target_os = "linux")]
#[test]
fn an_export_that_met_a_full_disk_goes_on_once_there_is_room() {
    let place = Place::new();
    assert_eq!(place.run(&["demo", "--once", "--quiet", "--conversations", "60"]).code, 0);
    let config = "--config longshore-demo/longshore.toml";
    let export = |to| format!("export --json --format parquet --to {to} --mask none --reason test {config}");
    assert_eq!(place.run(&export("before").split(' ').collect::<Vec<_>>()).code, 0);
    let (export, verify) = (export("full/out"), format!("export verify --quiet {config}"));
    let words = format!(
        "{export} >/dev/null; echo $? >code; \"$0\" {verify} >verified
        mount -o remount,size=40m full; \"$0\" {export} >again; code=$?
        \"$0\" {verify}; find full -name '*.partial*'; exit $code"
    );
    let Some(ran) = on_a_small_disk(&place, 250, &words) else { return };
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(std::fs::read_to_string(place.path("code")).unwrap(), "7\n", "{}", ran.stderr);
    // Until then the export before is the newest that can be verified.
    let verified = std::fs::read_to_string(place.path("verified")).unwrap();
    assert!(verified.contains("/before\n") && verified.ends_with("\nverified\n"), "{verified}");
    let again: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(place.path("again")).unwrap()).unwrap();
    assert_eq!(again["resumed"], true, "{again}");
    assert!(again["parts_kept"].as_u64() > Some(0), "{again}");
    assert!(ran.stdout.ends_with("verified\n") && !ran.stdout.contains("NOT"), "{}", ran.stdout);
}
