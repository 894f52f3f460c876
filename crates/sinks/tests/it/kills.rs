//! kill -9 at twenty moments of an export, then on: the same bytes as without, nothing written twice, nothing left over.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use model::{Entropy as _, FakeClock, Millis, SeededEntropy};
use sinks::format::{Format, Formulas};
use sinks::handover::{HandoverOptions, Target, handover};
use sinks::{Destination, ExportOptions};
use store::export_runs::{self, ExportState};

use crate::fixture::{Fixture, ORG, T0, on_both};

const KILLS: u64 = 20;
/// What tells the process that exports and dies what to do: the store's URL, the folder, the format, a number.
const TASK: &str = "LONGSHORE_TEST_EXPORT";

/// The process that is killed: it exports, and says a line for whatever it has done.
#[tokio::test]
async fn the_process_that_exports() {
    let Ok(task) = std::env::var(TASK) else { return };
    let [url, dir, format, number] = <[&str; 4]>::try_from(task.split(' ').collect::<Vec<_>>()).unwrap();
    let fixture = Fixture::elsewhere(url, number.parse().unwrap()).await;
    let options = options(&fixture, Path::new(dir), Format::named(format).unwrap());
    let say = |_| writeln!(std::io::stderr(), "progress").unwrap();
    fixture.export_watched(&options, say).await.unwrap();
}

fn options(fixture: &Fixture, dir: &Path, format: Format) -> ExportOptions {
    ExportOptions {
        destination: Destination::folder(dir.to_path_buf(), format, Formulas::Keep),
        ..fixture.options(format)
    }
}

/// Begin a process that exports, and kill it after so many lines; answers whether it had ended before.
fn killed(fixture: &Fixture, dir: &Path, format: Format, (number, lines): (u64, u64)) -> bool {
    let task = format!("{} {} {} {number}", fixture.url, dir.display(), format.name());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::the_process_that_exports", "--nocapture", "--test-threads", "1"])
        .env(TASK, task)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let told = said.filter(|line| line == "progress").take(usize::try_from(lines).unwrap()).count();
    let has_ended = (told as u64) < lines;
    if !has_ended {
        child.kill().unwrap();
    }
    let ended = child.wait().unwrap();
    assert!(!has_ended || ended.success(), "the export failed");
    has_ended
}

/// The files below a folder, by their paths.
fn files(dir: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(dir).unwrap().to_string_lossy().into_owned(), path);
            }
        }
    }
    found
}

/// When the files of the recorded parts were written, by part; they may wait under a partial name.
async fn written(fixture: &Fixture, dir: &Path) -> BTreeMap<String, SystemTime> {
    let destination = dir.display().to_string();
    let Some(run) = export_runs::unfinished(&fixture.db, ORG, &destination).await.unwrap() else {
        return BTreeMap::new();
    };
    let lying = files(dir);
    let parts = export_runs::parts(&fixture.db, ORG, &run.export_run_id).await.unwrap();
    let at = |file: &str| {
        let waiting = match file.split_once('/') {
            Some((tree, rest)) => format!("{tree}.partial/{rest}"),
            None => format!("{file}.partial"),
        };
        let path =
            lying.get(&waiting).or_else(|| lying.get(file)).unwrap_or_else(|| panic!("{file} is lost"));
        fs::metadata(path).unwrap().modified().unwrap()
    };
    // The row of the run itself is in the table of runs: that one is written for each run.
    let parts = parts.into_iter().filter(|part| part.table != "export_runs");
    parts.map(|part| (format!("{} {}", run.export_run_id, part.file), at(&part.file))).collect()
}

async fn survives(fixture: &Fixture, format: Format) {
    fixture.fill(60).await;
    let calm = fixture.dir.path().join("calm");
    let mut lines = 0;
    fixture.export_watched(&options(fixture, &calm, format), |_| lines += 1).await.unwrap();

    let out = fixture.dir.path().join("out");
    let dice = SeededEntropy::new(20);
    let (mut kills, mut number) = (0, 100);
    while kills < KILLS {
        let before = written(fixture, &out).await;
        number += 1;
        let has_ended = killed(fixture, &out, format, (number, 1 + dice.below(lines)));
        kills += u64::from(!has_ended);
        if !has_ended {
            let after = written(fixture, &out).await;
            for (part, at) in &before {
                let now = after.get(part);
                assert!(now.is_none_or(|now| now == at), "kill {kills}: {part} was written twice");
            }
        }
    }
    while !killed(fixture, &out, format, (number + 1, u64::MAX >> 1)) {}
    same(&calm, &out);
    let run = export_runs::last_succeeded(&fixture.db, ORG, &out.display().to_string()).await.unwrap();
    assert_eq!(run.unwrap().state, ExportState::Succeeded);
}

/// Byte for byte, but for what tells of the runs themselves.
fn same(calm: &Path, out: &Path) {
    let (calm, out) = (files(calm), files(out));
    assert_eq!(calm.keys().collect::<Vec<_>>(), out.keys().collect::<Vec<_>>());
    for (name, path) in &calm {
        if name != "manifest.json" && !name.contains("export_runs") {
            assert!(fs::read(path).unwrap() == fs::read(&out[name]).unwrap(), "{name} differs");
        }
    }
    let manifest = |files: &BTreeMap<String, PathBuf>| -> serde_json::Value {
        let mut manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(&files["manifest.json"]).unwrap()).unwrap();
        for key in ["run_id", "started_at", "finished_at", "proof"] {
            manifest.as_object_mut().unwrap().remove(key).unwrap();
        }
        manifest["tables"].as_array_mut().unwrap().retain(|table| table["table"] != "export_runs");
        manifest
    };
    assert_eq!(manifest(&calm), manifest(&out));
}

#[tokio::test]
async fn twenty_kills_leave_the_same_ndjson() {
    on_both(async |fixture| survives(&fixture, Format::Ndjson).await).await;
}

#[tokio::test]
async fn twenty_kills_leave_the_same_csv() {
    on_both(async |fixture| survives(&fixture, Format::Csv).await).await;
}

#[tokio::test]
async fn twenty_kills_leave_the_same_parquet() {
    on_both(async |fixture| survives(&fixture, Format::Parquet).await).await;
}

/// What tells the process that hands over what to do: the store's URL, the folder, a number.
const HANDOVER: &str = "LONGSHORE_TEST_HANDOVER";

/// The process that is killed while it hands over.
#[tokio::test]
async fn the_process_that_hands_over() {
    let Ok(task) = std::env::var(HANDOVER) else { return };
    let [url, dir, number] = <[&str; 3]>::try_from(task.split(' ').collect::<Vec<_>>()).unwrap();
    let fixture = Fixture::elsewhere(url, 0).await;
    hand_over(&fixture, Path::new(dir), number.parse().unwrap()).await;
}

async fn hand_over(fixture: &Fixture, dir: &Path, number: u64) {
    let options = HandoverOptions {
        target: Target::Neutral,
        dir: dir.to_path_buf(),
        conversations: Vec::new(),
        attachments_at: None,
        reason: "a test".to_owned(),
        who: store::audit::Who::node(),
    };
    let clock = FakeClock::at(Millis(T0 + number.cast_signed()));
    handover(&fixture.db, ORG, &options, &clock, &SeededEntropy::new(number)).await.unwrap();
}

#[tokio::test]
async fn a_handover_that_was_killed_shows_nothing_half_written() {
    on_both(async |fixture| {
        fixture.fill(400).await;
        let out = fixture.out();
        let (mut number, mut was_killed) = (0, false);
        while !was_killed {
            number += 1;
            assert!(number < 50, "no handover was met half-way");
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "kills::the_process_that_hands_over"])
                .env(HANDOVER, format!("{} {} {number}", fixture.url, out.display()))
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let half = out.join("conversations.ndjson.partial");
            while !half.exists() && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            was_killed = half.exists();
        }
        let manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(out.join("manifest.json")).unwrap()).unwrap();
        // Of a handover that ended before, everything is there; of one that was killed, nothing.
        assert_eq!(manifest["complete"] == true, out.join("conversations.ndjson").exists());

        hand_over(&fixture, &out, 99).await;
        let left: Vec<String> = files(&out).into_keys().collect();
        assert!(!left.iter().any(|name| name.contains(".partial")), "{left:?}");
        let lines = fs::read_to_string(out.join("conversations.ndjson")).unwrap();
        assert_eq!(lines.lines().count(), 400);
    })
    .await;
}
