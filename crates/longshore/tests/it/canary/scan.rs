//! The scanner: secrets in every form in which bytes may hold them.
//!
//! Plain, escaped as JSON, percent-encoded, base64 at each of the three offsets, hexadecimal in both cases. A text is taken
//! whole, so a form that a secret shares with something harmless is not mistaken for it.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// A shorter secret is found by chance.
const SECRET_BYTES_MIN: usize = 12;
/// No form of a secret of these tests is longer.
const PATTERN_BYTES_MAX: usize = 1_024;
const PART_BYTES: usize = 1 << 20;

/// What is looked for.
#[derive(Default)]
pub(crate) struct Scan {
    /// By their first two bytes.
    patterns: HashMap<[u8; 2], Vec<Pattern>>,
    is_begun: Vec<bool>,
}

struct Pattern {
    bytes: Vec<u8>,
    /// The secret's name and the form.
    told: String,
}

impl Scan {
    pub(crate) fn of<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut scan = Self { patterns: HashMap::new(), is_begun: vec![false; 1 << 16] };
        for (name, secret) in secrets {
            assert!(secret.len() >= SECRET_BYTES_MIN, "{name} is too short to be looked for");
            for (form, bytes) in forms(secret) {
                assert!(bytes.len() <= PATTERN_BYTES_MAX, "{name} is too long");
                let begin = [bytes[0], bytes[1]];
                scan.is_begun[usize::from(u16::from_be_bytes(begin))] = true;
                let of = scan.patterns.entry(begin).or_default();
                if !of.iter().any(|one| one.bytes == bytes) {
                    of.push(Pattern { bytes, told: format!("{name}, {form}") });
                }
            }
        }
        scan
    }

    /// What of it these bytes hold.
    pub(crate) fn search(&self, bytes: &[u8]) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for (at, begin) in bytes.windows(2).enumerate() {
            if !self.is_begun[usize::from(u16::from_be_bytes([begin[0], begin[1]]))] {
                continue;
            }
            let here = self.patterns[&[begin[0], begin[1]]].iter();
            for pattern in here.filter(|pattern| bytes[at..].starts_with(&pattern.bytes)) {
                if !found.contains(&pattern.told.as_str()) {
                    found.push(&pattern.told);
                }
            }
        }
        found
    }

    /// The same of a file that is larger than memory, and mostly empty.
    pub(crate) fn assert_none_in_file(&self, place: &str, path: &Path) {
        let (mut file, empty) = (std::fs::File::open(path).unwrap(), vec![0; PART_BYTES]);
        let (mut part, mut held) = (vec![0; PART_BYTES], Vec::new());
        loop {
            let read = file.read(&mut part).unwrap();
            if read == 0 {
                return;
            }
            if part[..read] == empty[..read] {
                held.clear();
                continue;
            }
            // What begins at the end of one part is found with the next.
            held.extend_from_slice(&part[..read]);
            self.assert_none(place, &held);
            held.drain(..held.len().saturating_sub(PATTERN_BYTES_MAX));
        }
    }

    /// Every file in a folder and the folders in it, but those of these names; how many there were.
    pub(crate) fn assert_none_in(&self, folder: &Path, but: &[&str]) -> usize {
        let mut files = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if but.iter().any(|name| path.ends_with(name)) {
                continue;
            }
            if path.is_dir() {
                files += self.assert_none_in(&path, but);
            } else {
                self.assert_none(&path.display().to_string(), &std::fs::read(&path).unwrap());
                files += 1;
            }
        }
        files
    }

    pub(crate) fn assert_none(&self, place: &str, bytes: &[u8]) {
        let found = self.search(bytes);
        assert!(found.is_empty(), "{place} holds {found:?}");
    }
}

/// Every form of a secret.
fn forms(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = secret.as_bytes();
    let json = serde_json::to_string(secret).unwrap();
    let json = &json[1..json.len() - 1];
    let ascii: String = json
        .chars()
        .map(|one| if one.is_ascii() { one.to_string() } else { format!("\\u{:04x}", u32::from(one)) })
        .collect();
    let percent = |keep: fn(u8) -> bool, upper: bool| -> Vec<u8> {
        let one = |byte: &u8| match (keep(*byte), upper) {
            (true, _) => char::from(*byte).to_string(),
            (false, true) => format!("%{byte:02X}"),
            (false, false) => format!("%{byte:02x}"),
        };
        bytes.iter().map(one).collect::<String>().into_bytes()
    };
    let unreserved: fn(u8) -> bool = |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut forms = vec![
        ("plain", bytes.to_vec()),
        ("JSON", json.as_bytes().to_vec()),
        ("JSON with slashes escaped", json.replace('/', "\\/").into_bytes()),
        ("JSON in ASCII", ascii.into_bytes()),
        ("percent", percent(unreserved, true)),
        ("percent, small", percent(unreserved, false)),
        ("percent, every byte", percent(|_| false, true)),
        ("percent, every byte, small", percent(|_| false, false)),
        ("hexadecimal", hex::encode(bytes).into_bytes()),
        ("hexadecimal, great", hex::encode_upper(bytes).into_bytes()),
    ];
    for offset in 0..3 {
        for (form, engine) in [("base64", &STANDARD), ("base64 of addresses", &URL_SAFE)] {
            forms.push((
                form,
                whole_digits(&engine.encode([&vec![0; offset][..], bytes].concat()), offset, bytes.len()),
            ));
        }
    }
    forms
}

/// The digits of base64 that tell of nothing but these bytes.
fn whole_digits(encoded: &str, offset: usize, length: usize) -> Vec<u8> {
    let first = (offset * 8).div_ceil(6);
    let last = (offset + length) * 8 / 6;
    encoded.as_bytes()[first..last].to_vec()
}

#[test]
#[should_panic(expected = "the file holds")]
fn the_scanner_finds_what_lies_across_two_parts_of_a_large_file() {
    let folder = tempfile::tempdir().unwrap();
    let bytes =
        [&vec![0; PART_BYTES][..], &[b'x'; PART_BYTES - 5], b"canary-across", &vec![0; PART_BYTES]].concat();
    std::fs::write(folder.path().join("dump"), bytes).unwrap();
    let scan = Scan::of([("secret", "canary-across")]);
    scan.assert_none_in_file("the file", &folder.path().join("dump"));
}

#[test]
fn the_scanner_finds_what_was_planted_in_each_form() {
    let secret = "canary/\"quoted\"\\é+planted";
    let scan = Scan::of([("secret", secret)]);
    let plant = |text: &[u8]| [b"\x00 before ", text, b" after \xff"].concat();
    for (form, bytes) in forms(secret) {
        assert!(!scan.search(&plant(&bytes)).is_empty(), "{form}");
        assert!(scan.search(&plant(&bytes[..bytes.len() - 1])).is_empty(), "{form}: a part is none");
    }
    for before in ["", "a", "ab", "abc", "abcd"] {
        for after in ["", "z", "zy"] {
            let text = format!("{before}{secret}{after}");
            for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
                let found = scan.search(encoded.as_bytes());
                assert_eq!(found.len(), 1, "{before} {after}: {found:?}");
            }
        }
    }
    let json = serde_json::json!({"a": secret}).to_string();
    assert_eq!(scan.search(json.as_bytes()), ["secret, JSON"]);
    let query: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    assert_eq!(scan.search(query.as_bytes()), ["secret, percent"]);
    let nested = serde_json::json!({"a": STANDARD.encode(&json)}).to_string();
    assert!(scan.search(nested.as_bytes()).is_empty(), "a form of a form is looked for in its own place");
}
