//! Where a browser goes after it has signed in: a page of ours, whatever the address said.

use http::HeaderValue;
use http::header::LOCATION;
use url::Url;

/// A longer one is not ours.
const BYTES_MAX: usize = 512;

/// Pages with forms that stand deeper than the first part of the path, the longest first.
const CONNECTING: [&str; 3] = ["/connect/drift/links", "/connect/drift/token", "/connect/drift"];

/// A path on this very host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Next(String);

impl Next {
    /// The start page.
    pub(crate) fn start() -> Self {
        Self("/".to_owned())
    }

    /// Read one; whatever is not plainly a path of this host is the start page.
    pub(crate) fn parse(text: &str) -> Self {
        if is_ours(text) { Self(text.to_owned()) } else { Self::start() }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The page on which a form with this address stands: `/account` for `/account/password`.
    pub(crate) fn page_of_form(&self) -> Self {
        let path = self.0.split(['?', '#']).next().unwrap_or_default();
        if let Some(page) = CONNECTING.iter().find(|page| path.starts_with(*page)) {
            return Self::parse(page);
        }
        match path[1..].split_once('/') {
            Some((page, _)) => Self::parse(&format!("/{page}")),
            None => Self::start(),
        }
    }

    /// For the header of a redirect.
    pub(crate) fn header(&self) -> (http::HeaderName, HeaderValue) {
        (LOCATION, HeaderValue::try_from(&self.0).expect("a path of ours is plain ASCII"))
    }

    /// This path with where to go afterwards.
    pub(crate) fn with_next(path: &str, next: &Self) -> Self {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next.as_str()).finish();
        Self(format!("{path}?{query}"))
    }
}

/// A browser drops tabs and line ends, and takes a backslash for a slash: none of them may stand in it.
fn is_ours(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if text.len() > BYTES_MAX || !plain || !text.starts_with('/') || text.starts_with("//") {
        return false;
    }
    let here = Url::parse("http://longshore.invalid/").expect("the constant is an address");
    here.join(text).is_ok_and(|joined| joined.origin() == here.origin() && !joined.path().starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_this_host_is_gone_to() {
        for ours in ["/", "/account", "/account?x=1#y", "/a/%0d%0aSet-Cookie:x"] {
            assert_eq!(Next::parse(ours).as_str(), ours);
        }
        let long = format!("/{}", "x".repeat(600));
        let others = [
            "",
            "account",
            "//evil.test",
            "///evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "/\t/evil.test",
            "https://evil.test",
            "javascript:alert(1)",
            "/..//evil.test",
            "/.//evil.test",
            "/a\r\nSet-Cookie: x=y",
            "/é",
            &long,
        ];
        for other in others {
            assert_eq!(Next::parse(other), Next::start(), "{other:?}");
        }
        let page = |form: &str| Next::parse(form).page_of_form().as_str().to_owned();
        assert_eq!(page("/account/password"), "/account");
        assert_eq!(page("/connect/drift/links/revoke?x=1"), "/connect/drift/links");
        assert_eq!(page("/connect/drift/archive?org=1"), "/connect/drift");
        assert_eq!(
            Next::with_next("/sign-in", &Next::parse("/a?b=c&d")).as_str(),
            "/sign-in?next=%2Fa%3Fb%3Dc%26d"
        );
    }
}
