//! File names from remote data: a name can never leave its directory, hide, or upset another system.
//!
//! What Drift sends as a file's name was once typed or uploaded by a stranger. [`safe`] keeps what a person would
//! recognise (letters and digits of every script, `.`, `-`, `_`, spaces, brackets) and replaces the rest.

/// The longest name [`safe`] returns, in bytes; every file system in use takes 255.
pub const NAME_BYTES_MAX: usize = 120;
/// The longest ending that is kept when a name is shortened, its dot included.
const ENDING_BYTES_MAX: usize = 16;
/// Names that Windows gives to devices, whatever their ending.
const RESERVED: &[&str] = &["con", "prn", "aux", "nul", "conin$", "conout$"];

/// A harmless file name that reminds of `name`: never empty, `.` or `..`, no separators or control or direction
/// characters, no leading dot, no device name, at most [`NAME_BYTES_MAX`] bytes.
#[must_use]
pub fn safe(name: &str) -> String {
    // Both separators end a folder's name, whatever system the sender used.
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = base.chars().map(|c| if is_harmless(c) { c } else { '_' }).collect();
    let trimmed = kept.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let short = shorten(trimmed);
    match short.as_str() {
        "" => "file".to_owned(),
        name if is_reserved(name) => format!("_{name}"),
        _ => short,
    }
}

/// One path segment for a link: everything but RFC 3986's unreserved characters percent-encoded.
#[must_use]
pub fn percent_encode(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn is_harmless(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ' | '(' | ')' | '[' | ']' | '+' | ',' | '@')
}

/// Cut the stem, keep a short ending, at character boundaries.
fn shorten(name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name.to_owned();
    }
    let (stem, ending) = match name.rfind('.') {
        Some(dot) if name.len() - dot <= ENDING_BYTES_MAX => name.split_at(dot),
        _ => (name, ""),
    };
    let cut = stem.floor_char_boundary(NAME_BYTES_MAX - ending.len());
    format!("{}{ending}", stem[..cut].trim_end_matches(['.', ' ']))
}

fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let numbered = ["com", "lpt"].iter().any(|device| {
        stem.strip_prefix(device).is_some_and(|rest| {
            let mut digits = rest.chars();
            matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    });
    numbered || RESERVED.contains(&stem.as_str())
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(name: &str, expected: &str) {
        assert_eq!(safe(name), expected, "{name:?}");
    }

    #[test]
    fn names_keep_what_a_person_recognises_and_lose_what_could_hurt() {
        check("invoice 2024-03.pdf", "invoice 2024-03.pdf");
        check("Überweisung (1).PDF", "Überweisung (1).PDF");
        check("請求書.xlsx", "請求書.xlsx");
        check("../../etc/passwd", "passwd");
        check("..\\..\\boot.ini", "boot.ini");
        check("/", "file");
        check("", "file");
        check(".", "file");
        check("..", "file");
        check(".bashrc", "bashrc");
        check("a\0b\nc\x1b[2J.txt", "a_b_c_[2J.txt");
        check("report\u{202e}fdp.exe", "report_fdp.exe");
        check("a:b*c?d\"e<f>g|h", "a_b_c_d_e_f_g_h");
        check("trailing. . ", "trailing");
        check("NUL", "_NUL");
        check("com1.txt", "_com1.txt");
        check("com10.txt", "com10.txt");
        check("aux .c", "_aux .c");
        check("console.log", "console.log");
    }

    #[test]
    fn a_long_name_is_cut_in_the_middle_and_keeps_its_ending() {
        let name = safe(&format!("{}.jpeg", "é".repeat(300)));
        assert!(name.len() <= NAME_BYTES_MAX && name.ends_with("é.jpeg"), "{name}");
    }

    #[test]
    fn a_link_can_name_every_file() {
        assert_eq!(percent_encode("7-a b#c?é.txt"), "7-a%20b%23c%3F%C3%A9.txt");
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_directory(name in any::<String>()) {
            let safe = safe(&name);
            let parts: Vec<_> = Path::new(&safe).components().collect();
            prop_assert_eq!(parts.len(), 1);
            prop_assert!(matches!(parts[0], Component::Normal(_)));
            prop_assert!(safe.len() <= NAME_BYTES_MAX);
            prop_assert!(!safe.contains(['/', '\\', '\0', ':']) && !safe.starts_with('.'));
        }
    }
}
