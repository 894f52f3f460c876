//! The body's token, and nothing else of it: what must be known before the rest is read.

use std::borrow::Cow;

use serde::Deserialize;

/// What the body says of a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// None, or `null`.
    Absent,
    /// Something that is no text: no token can be right.
    Other,
}

const NO_OBJECT: &str = "the body is not an object with one token";

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    token: Option<Given<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Given<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Other(serde::de::IgnoredAny),
}

/// Read the token of a body.
///
/// The error says where the JSON is wrong, and repeats nothing of it.
pub(super) fn token(body: &[u8]) -> Result<Token<'_>, String> {
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(|error| reason(&error))?;
    // A list of one text would do for a struct of one field.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(NO_OBJECT.to_owned());
    }
    Ok(match envelope.token {
        Some(Given::Text(text)) => Token::Text(text),
        Some(Given::Other(_)) => Token::Other,
        None => Token::Absent,
    })
}

fn reason(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Eof => format!("the JSON ends early, at line {line} column {column}"),
        Category::Data => NO_OBJECT.to_owned(),
        Category::Syntax | Category::Io => format!("malformed JSON at line {line} column {column}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_read() {
        let check = |body: &'static str| token(body.as_bytes());
        assert_eq!(check(r#"{"type":"x","token":"t\u0031"}"#), Ok(Token::Text("t1".into())));
        assert_eq!(check(r#"{"type":"x","data":{"token":"t"}}"#), Ok(Token::Absent));
        assert_eq!(check(r#"{"token":null}"#), Ok(Token::Absent));
        assert_eq!(check(r#"{"token":7}"#), Ok(Token::Other));
        assert_eq!(check(r#"{"token":"#), Err("the JSON ends early, at line 1 column 9".to_owned()));
        assert_eq!(check("nonsense"), Err("malformed JSON at line 1 column 2".to_owned()));
        assert!(check(r#"["token"]"#).is_err());
        assert!(check(r#"{"token":"right","token":"wrong"}"#).is_err(), "two tokens are none");
    }
}
