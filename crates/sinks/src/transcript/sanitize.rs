//! Message bodies are HTML from strangers: what may pass into a page that people open.
//!
//! A body goes through a browser-grade parser (`ammonia`, on html5ever) and keeps a short list of tags and even
//! fewer attributes: no scripts, handlers, styles, forms, frames, and nothing that a browser would load by itself. A
//! picture becomes a link to it, so that opening an old transcript tells no server that somebody did.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use crate::transcript::markup::{Piece, attribute, pieces};

/// Bodies beyond this are shown as the text they are, tags and all: nobody reads them as a message.
const BODY_BYTES_MAX: usize = 512 * 1024;
/// Likewise for tags, and for the product of all tags with those that a parser opens anew in every block until they
/// are closed (HTML, "list of active formatting elements"): so many elements can come of a body at the worst.
const TAGS_MAX: usize = 5_000;
const REOPENED_MAX: usize = 200_000;
/// Likewise for the product of a body's bytes with the characters at which a parser begins a new piece of text: each piece
/// is added to the text before it at the cost of that text's length.
const JOINED_MAX: usize = 100_000_000;
/// Those characters (HTML, "data state" and the normalizing of line breaks).
const PIECE_ENDS: [char; 4] = ['&', '\n', '\r', '\0'];
/// The tags that are opened anew.
const FORMATTING: &[&str] =
    &["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
/// Likewise when mending made much of little.
const GROWTH_MAX: usize = 16;

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from([
            "a",
            "abbr",
            "b",
            "blockquote",
            "br",
            "code",
            "del",
            "div",
            "em",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "i",
            "img",
            "ins",
            "li",
            "mark",
            "ol",
            "p",
            "pre",
            "q",
            "s",
            "small",
            "span",
            "strike",
            "strong",
            "sub",
            "sup",
            "table",
            "tbody",
            "td",
            "tfoot",
            "th",
            "thead",
            "tr",
            "u",
            "ul",
        ]))
        .clean_content_tags(HashSet::from(["script", "style", "iframe", "template", "noscript", "object"]))
        .generic_attributes(HashSet::from(["dir", "lang"]))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href"])),
            ("img", HashSet::from(["src", "alt"])),
            ("td", HashSet::from(["colspan", "rowspan"])),
            ("th", HashSet::from(["colspan", "rowspan"])),
        ]))
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .strip_comments(true);
    builder
});

/// Safe HTML for a body. One without any block, as people type it, keeps its line breaks.
#[must_use]
pub fn clean(body: &str) -> String {
    if body.len() > BODY_BYTES_MAX || is_costly(body) {
        return as_text(body);
    }
    if !body.contains(['<', '&', '\0', '\r', '\u{a0}']) {
        return as_text(body);
    }
    let cleaned = CLEANER.clean(body).to_string();
    if cleaned.len() > body.len() * GROWTH_MAX + 1024 {
        return as_text(body);
    }
    settle(cleaned.trim())
}

/// Whether a parser might make far too much of it. Counts, rather than parses: closing tags are not believed.
fn is_costly(body: &str) -> bool {
    let (mut tags, mut formatting) = (0, 0);
    for tag in body.split('<').skip(1) {
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        tags += 1;
        formatting += usize::from(FORMATTING.iter().any(|known| known.eq_ignore_ascii_case(name)));
    }
    let pieces = body.matches(PIECE_ENDS).count();
    tags > TAGS_MAX || tags * formatting > REOPENED_MAX || pieces.saturating_mul(body.len()) > JOINED_MAX
}

/// The body as a text to be read, with nothing in it that means something to a browser.
fn as_text(body: &str) -> String {
    break_lines(&html_escape::encode_text(body.trim()))
}

fn break_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace(['\n', '\r'], "<br>")
}

fn is_inline(name: &str) -> bool {
    let inline = [
        "a", "abbr", "b", "code", "del", "em", "i", "img", "ins", "mark", "q", "s", "small", "span",
        "strike", "strong", "sub", "sup", "u",
    ];
    inline.contains(&name)
}

/// Turn what must not stand in our page into what may: pictures into links, headings into plain blocks (the page has
/// headings of its own).
fn settle(clean: &str) -> String {
    let mut out = String::with_capacity(clean.len());
    let mut links_open = 0_usize;
    let has_blocks = pieces(clean).any(|piece| matches!(piece, Piece::Open { name, .. } if !is_inline(name)));
    for piece in pieces(clean) {
        match piece {
            Piece::Text(text) if has_blocks => out.push_str(text),
            Piece::Text(text) => out.push_str(&break_lines(text)),
            Piece::Open { name: "img", attributes } => picture(attributes, links_open > 0, &mut out),
            Piece::Open { name, attributes } => {
                links_open += usize::from(name == "a");
                let gap = if attributes.is_empty() { "" } else { " " };
                write!(out, "<{}{gap}{attributes}>", block(name)).expect("a text takes all");
            }
            Piece::Close { name } => {
                links_open = links_open.saturating_sub(usize::from(name == "a"));
                write!(out, "</{}>", block(name)).expect("a text takes all");
            }
        }
    }
    out
}

fn block(name: &str) -> &str {
    if matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6") { "div" } else { name }
}

/// The values come from the sanitiser's own attributes, so they are escaped already.
fn picture(attributes: &str, inside_link: bool, out: &mut String) {
    let alt = attribute(attributes, "alt").filter(|alt| !alt.trim().is_empty()).unwrap_or("image");
    // In text a quote may stand as it is, and `<` must not: the serializer leaves it alone in attributes.
    let label = alt.replace('<', "&lt;").replace('>', "&gt;");
    let written = match attribute(attributes, "src") {
        Some(src) if !inside_link => {
            write!(out, "<a href=\"{src}\" rel=\"noopener noreferrer nofollow\">[{label}]</a>")
        }
        _ => write!(out, "[{label}]"),
    };
    written.expect("a text takes all");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(body: &str, expected: &str) {
        assert_eq!(clean(body), expected, "{body}");
    }

    #[test]
    fn what_people_write_stays() {
        check("<p>Hi <b>Ada</b> &amp; co</p>", "<p>Hi <b>Ada</b> &amp; co</p>");
        check("plain\ntext", "plain<br>text");
        check("A\u{a0}>", "A&nbsp;&gt;");
        check("one <b>two</b>\nthree", "one <b>two</b><br>three");
        check("<p>one</p>\n<p>two</p>", "<p>one</p>\n<p>two</p>");
        check("1 < 2 && 3 > 2", "1 &lt; 2 &amp;&amp; 3 &gt; 2");
        check("שלום 👋", "שלום 👋");
        check("<span class=\"driftiwyg-tag-property\">Ada</span>", "<span>Ada</span>");
        check("<h1>Big</h1><ul><li>a</li></ul>", "<div>Big</div><ul><li>a</li></ul>");
        check("<p dir=\"rtl\" onclick=\"x()\">a</p>", "<p dir=\"rtl\">a</p>");
        check(
            "<a href=\"https://x.test/?a=1&amp;b=2\" target=_blank>x</a>",
            "<a href=\"https://x.test/?a=1&amp;b=2\" rel=\"noopener noreferrer nofollow\">x</a>",
        );
    }

    #[test]
    fn attacks_come_out_harmless() {
        check("<script>alert(1)</script>hi", "hi");
        check("<img src=x onerror=alert(1)>", "[image]");
        check("<a href=\"javascript:alert(1)\">x</a>", "<a rel=\"noopener noreferrer nofollow\">x</a>");
        check("<a href=\" jAvA\tscript:alert(1)\">x</a>", "<a rel=\"noopener noreferrer nofollow\">x</a>");
        check("<a href=\"data:text/html,x\">x</a>", "<a rel=\"noopener noreferrer nofollow\">x</a>");
        check("<a href=\"//evil.test\">x</a>", "<a rel=\"noopener noreferrer nofollow\">x</a>");
        check("<iframe src=https://evil.test></iframe>", "");
        check("<style>*{background:url(//evil.test)}</style>a", "a");
        check("<p style=\"background:url(//evil.test)\">a</p>", "<p>a</p>");
        check("<form action=//evil.test><input name=a></form>b", "b");
        check("<svg><script>alert(1)</script></svg>", "");
        check("<base href=//evil.test><meta http-equiv=refresh content=0>", "");
        check("<link rel=stylesheet href=//evil.test>a", "a");
        check("<!--[if IE]><script>x</script><![endif]-->a", "a");
        check("</div></main></body>a", "a");
        check("<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>", "");
        check("&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(1)&lt;/script&gt;");
    }

    #[test]
    fn a_picture_is_linked_and_never_loaded() {
        let link = "<a href=\"https://x.test/p.png\" rel=\"noopener noreferrer nofollow\">[a cat]</a>";
        check("<img src=\"https://x.test/p.png\" alt=\"a cat\">", link);
        check("<img src=\"https://x.test/p.png\" alt=\"<b>\">", &link.replace("a cat", "&lt;b&gt;"));
        check(
            "<a href=\"https://x.test/\"><img src=\"https://x.test/p.png\"></a>",
            "<a href=\"https://x.test/\" rel=\"noopener noreferrer nofollow\">[image]</a>",
        );
        check("<img src=\"https://x.test/&quot;onerror=x\" alt='\"><script>'>", &{
            let href = "https://x.test/&quot;onerror=x";
            format!("<a href=\"{href}\" rel=\"noopener noreferrer nofollow\">[&quot;&gt;&lt;script&gt;]</a>")
        });
    }

    #[test]
    fn references_and_lines_by_the_thousand_cost_little() {
        for filling in ["&", "\n", "w& \u{fc} "] {
            let body = format!("<b>{}", filling.repeat(400_000 / filling.len()));
            assert!(clean(&body).starts_with("&lt;b&gt;"));
        }
        assert_eq!(clean(&format!("<b>{}", "a &amp; ".repeat(500))).matches("&amp;").count(), 500);
    }

    #[test]
    fn crossed_tags_by_the_thousand_cost_little() {
        let crossed = |count| (0..count).map(|i| format!("<b dir=\"{i}\"><p>")).collect::<String>();
        assert!(clean(&crossed(50_000)).starts_with("&lt;b dir=\"0\"&gt;&lt;p&gt;"));
        assert!(clean(&crossed(1_000)).starts_with("&lt;b dir=\"0\"&gt;&lt;p&gt;"));
        let few = crossed(10);
        assert!(clean(&few).starts_with("<b dir=\"0\"><p>"), "{}", clean(&few));
        let deep = "<div>".repeat(TAGS_MAX);
        assert!(clean(&deep).len() < deep.len() * GROWTH_MAX);
        let table = "<tr><td>a</td></tr>".repeat(1_000);
        assert!(clean(&format!("<table>{table}</table>")).contains("<td>a</td>"));
    }

    proptest! {
        #[test]
        fn cleaning_leaves_only_known_tags_and_is_stable(
            parts in proptest::collection::vec(prop_oneof![
                any::<String>(),
                prop::sample::select(vec![
                    "<", ">", "\"", "'", "&", "</", "<a href=\"", "javascript:", "<img src=", " onerror=x ", "<p>",
                    "</p>", "<script>", "</script>", "<!--", "-->", "<svg>", "<b>", "<table>", "<td>", "&lt;", "<br/>",
                    "<![CDATA[", "<math>", "<style>", "<noscript>", "<textarea>", "<title>", "http://a", "\0",
                ]).prop_map(str::to_owned),
            ], 0..24)
        ) {
            let cleaned = clean(&parts.concat());
            for piece in pieces(&cleaned) {
                if let Piece::Open { name, attributes } = piece {
                    prop_assert!(CLEANER.clone_tags().contains(name) && name != "img", "{name}");
                    prop_assert!(!attributes.contains("on") || attributes.contains("noopener"));
                }
            }
            prop_assert_eq!(clean(&cleaned), cleaned.clone());
        }
    }
}
