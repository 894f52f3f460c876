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
