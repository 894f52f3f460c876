//! A message body as plain text: what a person would read, in lines.

use crate::transcript::markup::{Piece, attribute, decode, pieces};

/// The text of clean HTML (the sanitiser's): blocks on lines of their own, lists with dashes, the addresses of links
/// behind them. No control characters but line breaks and tabs: a transcript may be shown in a terminal.
#[must_use]
pub fn text(clean: &str) -> String {
    let mut out = Lines::default();
    let mut links: Vec<(&str, usize)> = Vec::new();
    for piece in pieces(clean) {
        match piece {
            Piece::Text(text) => out.text(text),
            Piece::Open { name: "pre", .. } => {
                out.block();
                out.preformatted += 1;
            }
            Piece::Close { name: "pre" } => {
                out.block();
                out.preformatted = out.preformatted.saturating_sub(1);
            }
            Piece::Open { name: "a", attributes } => {
                links.push((attribute(attributes, "href").unwrap_or_default(), out.text.len()));
            }
            Piece::Close { name: "a" } => {
                let (href, from) = links.pop().unwrap_or_default();
                out.address(href, from);
            }
            Piece::Open { name: "br", .. } => out.line(),
            Piece::Open { name: "hr", .. } => {
                out.block();
                out.text.push_str("---\n");
            }
            Piece::Open { name: "li", .. } => {
                out.block();
                out.text.push_str("- ");
            }
            Piece::Close { name: "td" | "th" } => out.text.push('\t'),
            Piece::Open { name, .. } | Piece::Close { name } if is_block(name) => out.block(),
            Piece::Open { .. } | Piece::Close { .. } => {}
        }
    }
    out.text.trim().to_owned()
}

/// One line of text for a heading or a name: no line breaks, no control or direction characters.
#[must_use]
pub fn one_line(text: &str) -> String {
    let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let shown = shown.replace(is_direction, "");
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The marks that reorder the text around them (Unicode 9, explicit directional formatting).
fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_block(name: &str) -> bool {
    matches!(name, "p" | "div" | "ul" | "ol" | "li" | "blockquote" | "table" | "tr")
}

#[derive(Default)]
struct Lines {
    text: String,
    /// How many `pre` are open: there white space is as written.
    preformatted: usize,
}

impl Lines {
    fn text(&mut self, text: &str) {
        let mut decoded = String::new();
        if self.preformatted > 0 {
            decode(text, &mut decoded);
        } else {
            decode(&self.collapsed(text), &mut decoded);
        }
        self.text.extend(decoded.chars().map(visible));
    }

    /// White space as a browser shows it: a run is one space, none at the beginning of a line.
    fn collapsed(&self, text: &str) -> String {
        let mut collapsed = String::with_capacity(text.len());
        for c in text.chars() {
            let is_space = matches!(c, ' ' | '\n' | '\t' | '\r');
            let before = collapsed.chars().next_back().or_else(|| self.text.chars().next_back());
            match (is_space, before) {
                (true, None | Some(' ' | '\n' | '\t')) => {}
                (true, _) => collapsed.push(' '),
                (false, _) => collapsed.push(c),
            }
        }
        collapsed
    }

    fn line(&mut self) {
        self.text.push('\n');
    }

    /// Begin a new line unless one has just begun.
    fn block(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Put a link's address behind it, unless it is what stands there already.
    fn address(&mut self, href: &str, from: usize) {
        let mut address = String::new();
        decode(href, &mut address);
        let label = self.text[from.min(self.text.len())..].trim();
        let bare = address.strip_prefix("mailto:").or_else(|| address.strip_prefix("tel:"));
        if address.is_empty() || label == address || Some(label) == bare {
            return;
        }
        self.text.push_str(&format!(" ({})", one_line(&address)));
    }
}

fn visible(c: char) -> char {
    if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::sanitize::clean;

    #[track_caller]
    fn check(body: &str, expected: &str) {
        assert_eq!(text(&clean(body)), expected, "{body}");
    }

    #[test]
    fn bodies_read_as_a_person_would_read_them() {
        check("<p>Hi Ada,</p><p>how are you?</p>", "Hi Ada,\nhow are you?");
        check("<p>Hi\n  Ada</p>\n\n<p>b</p>", "Hi Ada\nb");
        check("a <b>b</b> c", "a b c");
        check("<pre>a\n  b</pre>", "a\n  b");
        check("a<br>b", "a\nb");
        check("a\r\nb", "a\nb");
        check("Fish &amp; chips &lt;3 &euro;5&nbsp;only", "Fish & chips <3 €5\u{a0}only");
        check("&amp;lt;", "&lt;");
        check("<ul><li>one</li><li>two</li></ul>", "- one\n- two");
        check("see <a href=\"https://x.test/?a=1&amp;b=2\">this</a>", "see this (https://x.test/?a=1&b=2)");
        check("<a href=\"https://x.test/\">https://x.test/</a>", "https://x.test/");
        check("<a href=\"mailto:ada@x.test\">ada@x.test</a>", "ada@x.test");
        check("<img src=\"https://x.test/p.png\" alt=\"a cat\">", "[a cat] (https://x.test/p.png)");
        check("<table><tr><td>a</td><td>b</td></tr></table>", "a\tb");
        check("", "");
        check("\u{1b}[31mred", "\u{fffd}[31mred");
    }

    #[test]
    fn a_name_fits_on_a_line_and_turns_nothing_around() {
        assert_eq!(one_line(" Ada\n\u{202e}Lovelace\0 "), "Ada Lovelace");
    }
}
