//! The `context` object of a contact's messages: browser, page and place, rendered once per conversation.

use super::json;
use super::people::Person;
use super::phrases::pick;

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.6422.113 Mobile Safari/537.36",
];

/// Path, title.
const PAGES: [(&str, &str); 5] = [
    ("/", "Harbor – Home"),
    ("/pricing", "Pricing & plans | Harbor"),
    ("/docs/import", "Importing your data \"step by step\" | Harbor"),
    ("/blog/%C3%BCber-uns", "Über uns | Harbor"),
    ("/demo", "Book a demo | Harbor"),
];

/// Query, referrer.
const SOURCES: [(&str, &str); 6] = [
    ("", ""),
    (
        "?utm_source=google&utm_medium=cpc&utm_campaign=spring%20launch&utm_term=live+chat&gclid=x1",
        "https://www.google.com/",
    ),
    (
        "?utm_source=linkedin&utm_medium=social&utm_campaign=abm-2026&utm_content=video_2",
        "https://www.linkedin.com/",
    ),
    ("?utm_source=newsletter&utm_medium=email", ""),
    ("#plans", "https://www.harbor.example/"),
    ("?ref=partner%26friends", "https://partner.example/list?a=1&b=2"),
];

/// Append the object. One in ten has only what Drift's page documents (`ip`, `userAgent`), one in ten no
/// location. A dialogue's own id stands in `href`, as `dialogue=`.
pub(super) fn write(out: &mut Vec<u8>, person: &Person, hash: u64, dialogue: Option<&str>) {
    let form = if dialogue.is_some() { 9 } else { (hash >> 6) % 10 };
    out.extend_from_slice(b"{\"ip\":\"");
    person.write_ip(out);
    out.extend_from_slice(b"\",\"userAgent\":\"");
    out.extend_from_slice(pick(&AGENTS, person.hash >> 48).as_bytes());
    out.push(b'"');
    if form > 0 {
        write_page(out, person, hash, dialogue);
    }
    if form > 1 {
        out.extend_from_slice(b",\"location\":");
        out.extend_from_slice(person.place.location.as_bytes());
    }
    out.push(b'}');
}

fn write_page(out: &mut Vec<u8>, person: &Person, hash: u64, dialogue: Option<&str>) {
    let (path, title) = *pick(&PAGES, hash >> 10);
    let (query, referrer) = *pick(&SOURCES, hash >> 14);
    out.extend_from_slice(b",\"href\":\"https://www.harbor.example");
    out.extend_from_slice(path.as_bytes());
    match dialogue {
        Some(id) => {
            out.extend_from_slice(b"?dialogue=");
            percent_encode(out, id);
            if let Some(rest) = query.strip_prefix('?') {
                out.push(b'&');
                out.extend_from_slice(rest.as_bytes());
            }
        }
        None => out.extend_from_slice(query.as_bytes()),
    }
    out.extend_from_slice(b"\",\"title\":");
    json::string(out, title);
    out.extend_from_slice(b",\"referrer\":\"");
    out.extend_from_slice(referrer.as_bytes());
    out.extend_from_slice(b"\",\"timezone\":\"");
    out.extend_from_slice(person.place.timezone.as_bytes());
    out.extend_from_slice(b"\",\"locale\":\"");
    out.extend_from_slice(person.language.locale.as_bytes());
    out.push(b'"');
}

/// RFC 3986: all but the unreserved characters as `%XX`.
fn percent_encode(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}
