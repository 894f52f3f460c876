//! Whether a browser's request was sent by a page of ours: nobody else's page may act in a visitor's name.
//!
//! Three locks, for browsers of every age: `SameSite` cookies, what the browser says of the page that sends
//! (`Sec-Fetch-Site`, else `Origin`), and a text in each form that only our page for this session can know.

use axum::body::{Body, Bytes, to_bytes};
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, Method, Request};
use model::wiping;
use sha2::{Digest as _, Sha256};
use store::access::Token;
use subtle::ConstantTimeEq as _;
use url::Url;

/// The header in which a script of ours carries the text.
pub(super) const HEADER: &str = "x-csrf-token";
/// A form's body, at most, in bytes.
const FORM_BYTES_MAX: usize = 16 * 1_024;

/// Why a request is taken for a forged one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forged {
    /// The browser says that another site sends it.
    OtherSite,
    /// The form's text is missing or not this session's.
    Text,
    /// The form is larger than any of ours.
    Large,
}

/// Whether a request of this method changes something.
pub(super) fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The text for the forms of a visit before anybody signed in.
pub(super) fn text_of_visit(visit: &Token) -> String {
    wiping(|| {
        let mut hash = Sha256::new();
        hash.update(b"longshore form of visit ");
        hash.update(visit.expose().as_bytes());
        hex::encode(hash.finalize())
    })
}

/// Hold a request against the text that its form must carry. A form's body is read and put back.
pub(super) async fn check(
    request: Request<Body>,
    expected: &str,
    public_url: Option<&Url>,
) -> Result<Request<Body>, Forged> {
    if is_of_other_site(request.headers(), public_url) {
        return Err(Forged::OtherSite);
    }
    if let Some(given) = request.headers().get(HEADER) {
        return if is_same(expected, given.as_bytes()) { Ok(request) } else { Err(Forged::Text) };
    }
    if !is_form(request.headers()) {
        return Err(Forged::Text);
    }
    let (parts, body) = request.into_parts();
    let body: Bytes = to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| Forged::Large)?;
    let mut fields = url::form_urlencoded::parse(&body);
    let is_right = fields.any(|(name, value)| name == "csrf" && is_same(expected, value.as_bytes()));
    if is_right { Ok(Request::from_parts(parts, Body::from(body))) } else { Err(Forged::Text) }
}

fn is_same(expected: &str, given: &[u8]) -> bool {
    let of = |bytes: &[u8]| wiping(|| Sha256::digest(bytes));
    of(expected.as_bytes()).ct_eq(&of(given)).into()
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// A browser that says nothing of either kind is judged by the form's text alone.
fn is_of_other_site(headers: &HeaderMap, public_url: Option<&Url>) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let authority = origin.to_str().ok().and_then(|text| text.split_once("://")).map(|(_, rest)| rest);
    let here = headers.get(HOST).and_then(|host| host.to_str().ok());
    let public = public_url.map(|url| &url[url::Position::BeforeHost..url::Position::AfterPort]);
    authority.is_none_or(|from| Some(from) != here && Some(from) != public)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn another_site_is_known_by_what_the_browser_says() {
        let public = Url::parse("https://longshore.example").unwrap();
        let check = |pairs: &[(&'static str, &str)], expected: bool| {
            assert_eq!(is_of_other_site(&headers(pairs), Some(&public)), expected, "{pairs:?}");
        };
        check(&[], false);
        check(&[("sec-fetch-site", "same-origin")], false);
        check(&[("sec-fetch-site", "none")], false);
        check(&[("sec-fetch-site", "same-site")], true);
        check(&[("sec-fetch-site", "cross-site"), ("host", "a"), ("origin", "http://a")], true);
        check(&[("host", "127.0.0.1:8918"), ("origin", "http://127.0.0.1:8918")], false);
        check(&[("host", "inner:80"), ("origin", "https://longshore.example")], false);
        check(&[("host", "longshore.example"), ("origin", "https://longshore.example.evil.test")], true);
        check(&[("host", "a"), ("origin", "null")], true);
    }
}
