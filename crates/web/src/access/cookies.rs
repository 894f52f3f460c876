//! Cookies: what a browser keeps for us. Never readable by scripts, never sent along by other sites' forms.
//!
//! Over TLS the names begin with `__Host-`, so that a browser takes them from this very host alone, for every path.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use store::access::Token;

/// More cookies than any browser of ours has.
const COOKIES_MAX: usize = 64;

/// Which cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The session.
    Session,
    /// A visit before anybody signed in: it binds the forms of that time to this browser.
    Visit,
    /// A one-time link, taken out of the address.
    Link,
    /// A consent under way: it binds the answer to this browser.
    Consent,
    /// A link to connect with, taken out of the address.
    Invited,
}

impl Cookie {
    fn name(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Session, true) => "__Host-longshore",
            (Self::Session, false) => "longshore",
            (Self::Visit, true) => "__Host-longshore-visit",
            (Self::Visit, false) => "longshore-visit",
            (Self::Link, true) => "__Host-longshore-link",
            (Self::Link, false) => "longshore-link",
            (Self::Consent, true) => "__Host-longshore-consent",
            (Self::Consent, false) => "longshore-consent",
            (Self::Invited, true) => "__Host-longshore-invited",
            (Self::Invited, false) => "longshore-invited",
        }
    }
}

/// The text a browser keeps under this name, if it can be one of ours.
pub(crate) fn read(headers: &HeaderMap, cookie: Cookie, https: bool) -> Option<Token> {
    let name = cookie.name(https);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).take(COOKIES_MAX);
    let mut values = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(one, _)| *one == name);
    values.next().and_then(|(_, value)| Token::parse(value))
}

/// Whether a line of an answer sets this cookie.
pub(super) fn is_of(line: &HeaderValue, cookie: Cookie, https: bool) -> bool {
    line.as_bytes().strip_prefix(cookie.name(https).as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
}

/// Have the browser keep a text until it is closed.
pub(crate) fn set(headers: &mut HeaderMap, cookie: Cookie, https: bool, token: &Token) {
    put(headers, format!("{}={}{}", cookie.name(https), token.expose(), attributes(https)));
}

/// Have the browser forget it.
pub(crate) fn clear(headers: &mut HeaderMap, cookie: Cookie, https: bool) {
    put(headers, format!("{}={}; Max-Age=0", cookie.name(https), attributes(https)));
}

fn attributes(https: bool) -> &'static str {
    if https { "; Path=/; HttpOnly; SameSite=Lax; Secure" } else { "; Path=/; HttpOnly; SameSite=Lax" }
}

fn put(headers: &mut HeaderMap, line: String) {
    let mut value = HeaderValue::try_from(line).expect("names and tokens are plain ASCII");
    value.set_sensitive(true);
    headers.append(SET_COOKIE, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_under_its_name_alone() {
        let mut headers = HeaderMap::new();
        headers.insert(
            COOKIE,
            HeaderValue::from_static("a=b; longshore-visit=v1; longshore=one; longshore=two"),
        );
        assert_eq!(read(&headers, Cookie::Session, false).unwrap().expose(), "one");
        assert!(read(&headers, Cookie::Session, true).is_none(), "over TLS it has another name");
        assert!(read(&headers, Cookie::Link, false).is_none());
        headers.insert(COOKIE, HeaderValue::from_static("longshore=a%0d%0ab"));
        assert!(read(&headers, Cookie::Session, false).is_none());
    }

    #[test]
    fn a_cookie_is_kept_from_scripts_and_other_sites() {
        let mut headers = HeaderMap::new();
        set(&mut headers, Cookie::Session, true, &Token::parse("abc").unwrap());
        clear(&mut headers, Cookie::Link, false);
        let lines: Vec<&str> =
            headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
        assert_eq!(
            lines,
            [
                "__Host-longshore=abc; Path=/; HttpOnly; SameSite=Lax; Secure",
                "longshore-link=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
            ]
        );
    }
}
