//! Message bodies as plain text.
//!
//! What people wrote comes back exactly, whether Drift gave it as entity-encoded text or inside one paragraph. In
//! markup, tags vanish, blocks and `<br>` become line breaks, scripts, styles and comments leave nothing. White
//! space is left as it is, except alone between two blocks. This is no parser of HTML: a `<` that begins no
//! tag is text, and so is a tag that never ends. Runs once for every message, so it copies each byte once.

/// Render an HTML body as plain text.
#[must_use]
pub fn from_html(html: &str) -> String {
    let mut text = Text { out: String::with_capacity(html.len()), breaks: 0 };
    let mut rest = html;
    let mut run_from = 0;
    let mut searched = 0;
    while let Some(at) = rest[searched..].find('<').map(|at| at + searched) {
        let (tag, end) = match tag_at(&rest[at..]) {
            Found::Tag(tag, end) => (tag, end),
            Found::Text => {
                searched = at + 1;
                continue;
            }
            Found::Unended => break,
        };
        text.run(&rest[run_from..at]);
        let mut after = at + end;
        match tag {
            Tag::Inline => {}
            Tag::Block => text.breaks = text.breaks.max(1),
            Tag::Line => text.breaks += 1,
            Tag::Hidden(closing) => after += hidden_bytes(&rest[after..], closing),
        }
        rest = &rest[after..];
        (run_from, searched) = (0, 0);
    }
    text.run(&rest[run_from..]);
    text.out
}

struct Text {
    out: String,
    /// Line breaks owed before the next text.
    breaks: usize,
}

impl Text {
    fn run(&mut self, run: &str) {
        if run.is_empty() || (self.breaks > 0 && run.trim_ascii().is_empty()) {
            return;
        }
        if !self.out.is_empty() {
            self.out.extend(std::iter::repeat_n('\n', self.breaks));
        }
        self.breaks = 0;
        if run.as_bytes().contains(&b'&') {
            html_escape::decode_html_entities_to_string(run, &mut self.out);
        } else {
            self.out.push_str(run);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    Inline,
    Block,
    Line,
    /// An element whose content is not text, with the name that ends it.
    Hidden(&'static str),
}

enum Found {
    /// A tag, and its length.
    Tag(Tag, usize),
    /// No tag.
    Text,
    /// Something whose end never comes. All that follows is text: looking again at each `<` would make a long
    /// body of them quadratic.
    Unended,
}

/// What begins here with `<`.
fn tag_at(html: &str) -> Found {
    let found = |tag, end: Option<usize>| end.map_or(Found::Unended, |end| Found::Tag(tag, end));
    if html.starts_with("<!--") {
        return found(Tag::Inline, html.find("-->").map(|at| at + 3));
    }
    let bytes = html.as_bytes();
    let closes = bytes.get(1) == Some(&b'/');
    let name_from = 1 + usize::from(closes);
    match bytes.get(name_from) {
        Some(first) if first.is_ascii_alphabetic() => {}
        Some(b'!' | b'?') if !closes => return found(Tag::Inline, html.find('>').map(|at| at + 1)),
        _ => return Found::Text,
    }
    let name_bytes = bytes[name_from..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let name = &html[name_from..name_from + name_bytes];
    found(kind(name, closes), tag_end(bytes, name_from + name_bytes))
}

/// Where a tag ends: at the first `>` outside quotes, or at the first at all when a quote is never closed.
fn tag_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut quote = None;
    for (index, byte) in bytes.iter().enumerate().skip(from) {
        match (quote, byte) {
            (None, b'>') => return Some(index + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    bytes[from..].iter().position(|byte| *byte == b'>').map(|at| from + at + 1)
}

fn kind(name: &str, closes: bool) -> Tag {
    const BLOCKS: &[&str] = &[
        "p",
        "div",
        "li",
        "ul",
        "ol",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
        "pre",
        "table",
        "tr",
        "td",
        "th",
        "hr",
        "section",
        "article",
        "header",
        "footer",
        "aside",
        "nav",
        "main",
        "figure",
        "figcaption",
        "address",
        "form",
        "fieldset",
        "dl",
        "dt",
        "dd",
        "title",
    ];
    let is = |other: &&str| name.eq_ignore_ascii_case(other);
    if is(&"br") {
        Tag::Line
    } else if BLOCKS.iter().any(is) {
        Tag::Block
    } else {
        let hidden = ["script", "style"].into_iter().find(|hidden| !closes && is(hidden));
        hidden.map_or(Tag::Inline, Tag::Hidden)
    }
}

/// How many bytes lie before the tag that ends a hidden element; all of them when none does.
fn hidden_bytes(html: &str, name: &str) -> usize {
    let mut from = 0;
    while let Some(at) = html[from..].find("</").map(|at| at + from) {
        let after = &html.as_bytes()[at + 2..];
        if after.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes())) {
            return at;
        }
        from = at + 2;
    }
    html.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(html: &str, expected: &str) {
        assert_eq!(from_html(html), expected, "{html}");
    }

    #[test]
    fn bodies_become_the_text_that_was_meant() {
        check("", "");
        check("plain text, as typed  by\na contact ", "plain text, as typed  by\na contact ");
        check("<p>Hello there</p>", "Hello there");
        check("<p>one</p><p>two</p>", "one\ntwo");
        check("<p>one</p>\n  <p>two</p>", "one\ntwo");
        check("one<br>two<br/>three<BR />four", "one\ntwo\nthree\nfour");
        check("one<br><br>two", "one\n\ntwo");
        check("<div><p>a</p><ul><li>b</li><li>c</li></ul></div>", "a\nb\nc");
        check("a <b>bold</b> <i>word</i>.", "a bold word.");
        check("see <a href=\"https://x.test/?a=1&amp;b>2\">the page</a>", "see the page");
        check("Hi <span class=\"driftiwyg-tag-property\">Ada</span>!", "Hi Ada!");
        check("&lt;p&gt; &amp;amp; &quot;q&quot; &#39;x&#39; &#x1F600; &eacute;", "<p> &amp; \"q\" 'x' 😀 é");
        check("R&D costs 5 &euro;", "R&D costs 5 €");
        check("<!-- note -->x<!-- <p> -->y", "xy");
        check("a<script>if (a < b) { }</script>b<style>p{}</style>c", "abc");
        check("Größe ≤ 5 – 日本語 😀", "Größe ≤ 5 – 日本語 😀");
    }

    #[test]
    fn what_only_looks_like_markup_stays() {
        check("I <3 you", "I <3 you");
        check("1 < 2 > 0", "1 < 2 > 0");
        check("a <- b", "a <- b");
        check("ends with <", "ends with <");
        check("never <b closed", "never <b closed");
        check("<p>x <!-- open", "x <!-- open");
        check("<a title=\"open>x</a>", "x");
    }

    proptest! {
        #[test]
        fn encoded_text_comes_back_exactly(text in "\\PC{0,60}") {
            let encoded = html_escape::encode_text(&text);
            prop_assert_eq!(from_html(&encoded), &*text);
            let inside = format!("<p>{encoded}</p>");
            let shown = from_html(&inside);
            prop_assert!(shown == text || text.trim_ascii().is_empty());
        }

        #[test]
        fn nothing_panics(html in "[<>/!a-z&;\"' =\\-é]{0,80}") {
            let _ = from_html(&html);
        }
    }
}
