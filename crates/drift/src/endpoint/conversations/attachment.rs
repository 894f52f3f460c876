//! `GET /attachments/{id}/data`

use http::header::CONTENT_DISPOSITION;
use model::{AttachmentId, Pii};

use crate::answer::Answer;
use crate::call::Call;
use crate::wire::Attachment;
use crate::{Client, DecodeError, Error, Scope};

/// Largest file that is read, whatever bound is asked for: it is held in memory whole.
pub const ATTACHMENT_BYTES_MAX: u64 = 256 * 1024 * 1024;

impl Client {
    /// The bytes of a file on a message.
    ///
    /// `GET /attachments/{id}/data`; scope `conversation_read`. The scope is assumed; no limit on size
    /// is documented: at most `bytes_max` are read, and never more than [`ATTACHMENT_BYTES_MAX`].
    ///
    /// Drift has no page for it; the shape is that of the answers seen.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such file, [`Error::TooLarge`] when it is beyond the bound;
    /// otherwise as every call.
    pub async fn attachment(&self, id: AttachmentId, bytes_max: u64) -> Result<Attachment, Error> {
        let call = Call::get("/attachments").segment(id).then("/data");
        let call = call.scope(Scope::ConversationRead).large(bytes_max.min(ATTACHMENT_BYTES_MAX));
        self.call_decoded(call, |answer| decode(id, answer)).await
    }
}

fn decode(id: AttachmentId, answer: &Answer) -> Result<Attachment, DecodeError> {
    let disposition = answer.headers().get(CONTENT_DISPOSITION).and_then(|value| value.to_str().ok());
    Ok(Attachment {
        id,
        content_type: answer.content_type().map(str::to_owned),
        file_name: disposition.and_then(file_name).map(Pii::new),
        bytes: answer.bytes(),
    })
}

/// The name in a `Content-Disposition` (RFC 6266): the encoded form if there is one, else the plain one.
///
/// Only a name: whatever looks like a path is cut down to its last part.
fn file_name(disposition: &str) -> Option<String> {
    let parameters = || parameters(disposition);
    let encoded = parameters().find(|(key, _)| key.eq_ignore_ascii_case("filename*"));
    let encoded = encoded.and_then(|(_, value)| extended(&value));
    let plain = || parameters().find(|(key, _)| key.eq_ignore_ascii_case("filename")).map(|(_, value)| value);
    let name = encoded.or_else(plain)?;
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    (!name.is_empty() && name != "." && name != "..").then(|| name.to_owned())
}

/// The parameters after the first semicolon; quoted values may hold semicolons and escapes.
fn parameters(disposition: &str) -> impl Iterator<Item = (String, String)> {
    let (mut parts, mut part, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for character in disposition.chars() {
        match character {
            _ if escaped => {
                part.push(character);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted => parts.push(std::mem::take(&mut part)),
            _ => part.push(character),
        }
    }
    parts.push(part);
    parts.into_iter().skip(1).filter_map(|part| {
        let (key, value) = part.split_once('=')?;
        Some((key.trim().to_owned(), value.trim().to_owned()))
    })
}

/// `UTF-8'language'percent-encoded` (RFC 8187).
fn extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, encoded) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let (mut bytes, mut rest) = (Vec::new(), encoded.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_read_in_all_their_spellings() {
        for (disposition, name) in [
            ("attachment; filename=a.pdf", Some("a.pdf")),
            ("attachment; filename=\"a; b \\\"c\\\".pdf\"", Some("a; b \"c\".pdf")),
            ("attachment; filename=\"x\"; filename*=UTF-8''%e2%82%ac%20rates.pdf", Some("€ rates.pdf")),
            ("attachment; filename=\"../../etc/passwd\"", Some("passwd")),
            ("attachment; filename=\"..\"", None),
            ("inline", None),
        ] {
            assert_eq!(file_name(disposition).as_deref(), name, "{disposition}");
        }
    }
}
