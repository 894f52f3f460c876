use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use super::super::dialogues::Dialogues;
use super::*;

/// The real file, if it is at hand: named by `LONGSHORE_DIALOGUES`, or beside the workspace.
fn real_file() -> Option<PathBuf> {
    let named = std::env::var_os("LONGSHORE_DIALOGUES").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dialogues.jsonl");
    let found = named.or_else(|| beside.exists().then_some(beside));
    if found.is_none() {
        eprintln!("skipped: LONGSHORE_DIALOGUES is not set and ../shared/data is not there");
    }
    found
}

/// What a reader gets back: tags off, entities decoded.
fn text_of(body: &str) -> String {
    let inner = body.strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>")).unwrap_or(body);
    html_escape::decode_html_entities(inner).into_owned()
}

fn assert_exact(path: &std::path::Path) -> usize {
    let world = World::from_dialogues(path, 7, ENDS_AT).unwrap();
    let mut by_dialogue: HashMap<&str, i64> = HashMap::new();
    for id in world.expected() {
        assert!(by_dialogue.insert(world.dialogue_id(id).unwrap(), id).is_none());
    }
    let file = std::fs::read_to_string(path).unwrap();
    let mut turns = 0;
    for line in file.lines() {
        let dialogue = parse(line.as_bytes());
        let name = dialogue["id"].as_str().unwrap();
        let messages = messages(&world, by_dialogue[name]);
        let expected = dialogue["turns"].as_array().unwrap();
        assert_eq!(messages.len(), expected.len(), "{name}");
        for (message, turn) in messages.iter().zip(expected) {
            let role = if message["author"]["type"] == "contact" { "user" } else { "system" };
            let body = message["body"].as_str().unwrap();
            assert_eq!(
                (role, text_of(body).as_str()),
                (turn[0].as_str().unwrap(), turn[1].as_str().unwrap()),
                "{name}"
            );
            if role == "user" {
                let href = message["context"]["href"].as_str().unwrap();
                assert!(href.contains(&format!("dialogue={name}")), "{href}");
            }
            turns += 1;
        }
    }
    assert_eq!(world.counts().messages, turns as u64);
    assert_eq!(by_dialogue.len(), file.lines().count());
    turns
}

#[test]
fn every_turn_of_the_real_file_comes_back_to_the_byte() {
    if let Some(path) = real_file() {
        assert!(assert_exact(&path) > 0);
    }
}

#[test]
fn awkward_texts_come_back_to_the_byte() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let awkward = [
        "",
        " ",
        "<p>",
        "</p>",
        "&amp;",
        "&amp;amp; &#39; &nbsp;",
        "a<b>c & \"d\" 'e'",
        "tab\tline\nreturn\r",
        "\u{0}\u{7f}\u{a0}\u{200f}\u{feff}",
        "עברית 👩‍👩‍👧‍👦 𠮷",
        "\\u0041 \\n",
    ];
    for (at, text) in awkward.iter().enumerate() {
        let turns = [["user", text], ["system", text], ["user", "end"]];
        writeln!(file, "{}", serde_json::json!({"id": format!("x_{at}"), "services": [], "turns": turns}))
            .unwrap();
    }
    file.flush().unwrap();
    assert_eq!(assert_exact(file.path()), awkward.len() * 3);
}

#[test]
fn a_dialogue_world_changes_like_any_other() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, r#"{{"id":"a","turns":[["user","hi"],["system","hello"]]}}"#).unwrap();
    file.flush().unwrap();
    assert_eq!(Dialogues::load(file.path()).map(|all| all.len()), Ok(1));
    let world = World::from_dialogues(file.path(), 1, ENDS_AT).unwrap();
    let conversation =
        world.change(&super::super::Change::NewConversation { contact: None, text: None }, LATER);
    assert_eq!(messages(&world, conversation.unwrap().conversation).len(), 1);
    assert_eq!(world.counts().conversations, 2);
}
