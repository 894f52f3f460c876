//! JSON written by hand into byte buffers: the sandbox's ceiling is the speed of this file.
//!
//! Numbers are formatted two digits at a time, texts are copied in runs between the few bytes that need an
//! escape, and everything that does not change (phrases, buttons) is escaped once when the program starts.

use serde_json::Value;

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Append a number.
pub(super) fn number(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    while rest >= 10 {
        let pair = usize::try_from(rest % 100).expect("a remainder of 100 fits") * 2;
        rest /= 100;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if rest > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest).expect("one digit fits");
    }
    out.extend_from_slice(&digits[at..]);
}

/// Append a text as the inside of a JSON string, without its quotes.
pub(super) fn escape(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let escaped: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x00..=0x1f => {
                out.extend_from_slice(&bytes[copied..at]);
                out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                copied = at + 1;
                continue;
            }
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..at]);
        out.extend_from_slice(escaped);
        copied = at + 1;
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// Append a text as a JSON string.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape(out, text);
    out.push(b'"');
}

/// Append a parsed value.
pub(super) fn value(out: &mut Vec<u8>, value: &Value) {
    serde_json::to_writer(&mut *out, value).expect("a buffer takes all writes, and keys of values are texts");
}

/// A parsed value as bytes.
pub(super) fn bytes(parsed: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    value(&mut out, parsed);
    out
}

/// Values that are written already, as an array.
pub(super) fn array(values: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = vec![b'['];
    for value in values {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(&value);
    }
    out.push(b']');
    out
}

/// Append a text with the five characters that HTML minds as entities, inside a JSON string.
pub(super) fn escape_html(out: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        escape(out, &rest[..at]);
        out.extend_from_slice(match rest.as_bytes()[at] {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'"' => b"&quot;",
            _ => b"&#39;",
        });
        rest = &rest[at + 1..];
    }
    escape(out, rest);
}

/// The text that the inside of a JSON string stands for.
pub(super) fn unescape(escaped: &[u8]) -> String {
    let mut quoted = Vec::with_capacity(escaped.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(escaped);
    quoted.push(b'"');
    serde_json::from_slice(&quoted).expect("bodies are escaped by this module")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_read_back_as_they_were() {
        for value in [0, 7, 10, 99, 100, 101, 12_345, -1, -10, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
        for text in ["", "plain", "\"\\\n\r\t\u{0}\u{1f}", "عربي 👩‍👩‍👧 x"] {
            let mut out = Vec::new();
            escape(&mut out, text);
            assert_eq!(unescape(&out), text);
        }
        let mut out = Vec::new();
        escape_html(&mut out, "<a href=\"x\">Tom & Jerry's</a>");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "&lt;a href=&quot;x&quot;&gt;Tom &amp; Jerry&#39;s&lt;/a&gt;"
        );
    }
}
