//! Real language: every message of the dialogues' file is held against the mirror, on both engines.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::databases;
use crate::support::Place;

#[derive(Deserialize)]
struct Dialogue {
    id: String,
    turns: Vec<(String, String)>,
}

/// The file, where it is at hand: it is not part of the project.
fn file() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/dialogues.jsonl");
    let path = std::env::var_os("LONGSHORE_DIALOGUES").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    if !path.is_file() {
        eprintln!("skipped: no file of dialogues; name one in LONGSHORE_DIALOGUES");
        return None;
    }
    Some(path)
}

#[test]
fn every_message_of_the_dialogues_arrives_unchanged() {
    let Some(path) = file() else { return };
    let text = std::fs::read_to_string(&path).unwrap();
    let dialogues: Vec<Dialogue> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let turns: usize = dialogues.iter().map(|dialogue| dialogue.turns.len()).sum();
    for database in [None, databases::postgres()]
        .into_iter()
        .enumerate()
        .filter_map(|(index, url)| (index == 0 || url.is_some()).then_some(url))
    {
        let place = Place::new();
        let path = path.canonicalize().unwrap();
        let mut words = vec!["demo", "--dialogues", path.to_str().unwrap(), "--once", "--json"];
        words.extend(database.iter().flat_map(|url| ["--database", url.as_str()]));
        let ran = place.run(&words);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let report = ran.json();
        assert_eq!(report["verified"], true);
        assert_eq!(report["certificate"]["complete"], true);
        assert_eq!(report["conversations"], dialogues.len());
        assert_eq!(report["messages"], turns);

        let exported = place.path(report["export_dir"].as_str().unwrap()).join("ndjson/messages.ndjson");
        let mirror = by_dialogue(&std::fs::read_to_string(exported).unwrap());
        let differing: Vec<&str> = dialogues
            .iter()
            .filter(|dialogue| mirror.get(&dialogue.id) != Some(&dialogue.turns))
            .map(|dialogue| dialogue.id.as_str())
            .collect();
        assert_eq!(differing, Vec::<&str>::new(), "differ on {database:?}");
    }
}

/// One message: when, its id, who, what.
type Turn = (i64, i64, String, String);

/// The turns of each conversation in order, under the id of the dialogue that its pages carry.
fn by_dialogue(messages: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let mut conversations: BTreeMap<i64, (Option<String>, Vec<Turn>)> = BTreeMap::new();
    for line in messages.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let number = |name: &str| row[name].as_i64().unwrap();
        let (id, turns) = conversations.entry(number("conversation_id")).or_default();
        let href = row["extra"]["context"]["href"].as_str().and_then(|href| url::Url::parse(href).ok());
        let named = href.and_then(|url| {
            url.query_pairs().find(|(key, _)| key == "dialogue").map(|(_, id)| id.into_owned())
        });
        *id = id.take().or(named);
        let speaker = if row["author_kind"] == "contact" { "user" } else { "system" };
        turns.push((
            number("created_at"),
            number("message_id"),
            speaker.to_owned(),
            row["text"].as_str().unwrap().to_owned(),
        ));
    }
    conversations
        .into_values()
        .map(|(id, mut turns)| {
            turns.sort();
            (id.unwrap(), turns.into_iter().map(|(_, _, speaker, text)| (speaker, text)).collect())
        })
        .collect()
}
