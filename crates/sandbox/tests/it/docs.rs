//! The page in `docs` says what the code does.

use sandbox::PRESETS;
use sandbox::webhooks::DELIVERY_PRESETS;

use crate::caller::Caller;

const PAGE: &str = include_str!("../../../../docs/sandbox.md");

#[test]
fn the_page_lists_the_presets_word_for_word() {
    for (part, presets) in [("presets", PRESETS), ("delivery presets", DELIVERY_PRESETS)] {
        let (_, rest) = PAGE.split_once(&format!("<!-- begin {part} -->")).unwrap();
        let (table, _) = rest.split_once(&format!("<!-- end {part} -->")).unwrap();
        let mut expected = "\n\n| profile | what goes wrong |\n|---|---|\n".to_owned();
        for (name, what) in presets {
            expected.push_str(&format!("| `{name}` | {what} |\n"));
        }
        assert_eq!(table, format!("{expected}\n"));
    }
}

#[tokio::test]
async fn the_page_names_every_control_route() {
    let help = Caller::new().get("/_sandbox/").await.json();
    for line in help["control"].as_array().unwrap() {
        let (method, path) = (line["method"].as_str().unwrap(), line["path"].as_str().unwrap());
        let row = PAGE.lines().find(|row| row.starts_with('|') && row.contains(path) && row.contains(method));
        assert!(row.is_some(), "{method} {path}");
    }
}
