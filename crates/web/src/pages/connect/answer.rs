//! What a browser brings back from Drift, read strictly: three known words, each once, each short and plain.
//!
//! Whatever else stands in the address is neither read nor repeated.

use model::Secret;
use store::access::Token;

/// A longer answer is none of Drift's, in bytes.
const QUERY_BYTES_MAX: usize = 4_096;
/// A longer code is none of Drift's.
const CODE_CHARACTERS_MAX: usize = 1_024;

/// An answer that can be one.
#[derive(Debug)]
pub(super) struct Brought {
    /// What went out with the question.
    pub(super) state: Token,
    pub(super) said: Said,
}

/// What was said.
#[derive(Debug)]
pub(super) enum Said {
    /// Yes: a code to be traded in.
    Code(Secret),
    /// No.
    Denied,
    /// Something else went wrong on Drift's side.
    Failed,
}

/// Read an answer; `None`: it cannot be one. Drift's own sample joins `state` with a second `?`, which is taken for `&`.
pub(super) fn read(query: &str) -> Option<Brought> {
    if query.len() > QUERY_BYTES_MAX {
        return None;
    }
    let query = query.replace('?', "&");
    let (mut code, mut state, mut error) = (None, None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let place = match &*name {
            "code" => &mut code,
            "state" => &mut state,
            "error" => &mut error,
            _ => continue,
        };
        // Of a word that comes twice nobody can say which is meant.
        if place.replace(value).is_some() {
            return None;
        }
    }
    let state = Token::parse(&state?)?;
    let said = match (code, error) {
        (Some(code), None) => Said::Code(plain(&code)?),
        (None, Some(error)) if error == "access_denied" => Said::Denied,
        (None, Some(_)) => Said::Failed,
        _ => return None,
    };
    Some(Brought { state, said })
}

fn plain(code: &str) -> Option<Secret> {
    let fits = !code.is_empty() && code.len() <= CODE_CHARACTERS_MAX;
    (fits && code.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Secret::new(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(query: &str) -> String {
        match read(query) {
            None => "none".into(),
            Some(Brought { state, said: Said::Code(code) }) => {
                format!("{} to {}", code.expose(), state.expose())
            }
            Some(Brought { state, said }) => format!("{said:?} to {}", state.expose()),
        }
    }

    #[test]
    fn only_what_is_expected_is_read() {
        let check = |query: &str, expected: &str| assert_eq!(told(query), expected, "{query}");
        check("code=c-1&state=s1", "c-1 to s1");
        check("code=c-1?state=s1", "c-1 to s1");
        check("state=s1&extra=x&code=c", "c to s1");
        check("error=access_denied&state=s1", "Denied to s1");
        check("error=server_error&error_description=%3Cb%3E&state=s1", "Failed to s1");
        check("code=c", "none");
        check("state=s1", "none");
        check("code=c&state=", "none");
        check("code=&state=s1", "none");
        check("code=c&code=d&state=s1", "none");
        check("code=c&state=s1&state=s2", "none");
        check("code=c&error=access_denied&state=s1", "none");
        check("code=a%0d%0ab&state=s1", "none");
        check("code=a%00&state=s1", "none");
        check("code=%C3%A9&state=s1", "none");
        check("code=a%20b&state=s1", "none");
        check("code=c&state=s%0a1", "none");
        check(&format!("code={}&state=s1", "x".repeat(1_025)), "none");
        check(&format!("code=c&state={}", "s".repeat(129)), "none");
        check(&format!("code=c&state=s1&x={}", "x".repeat(5_000)), "none");
    }
}
