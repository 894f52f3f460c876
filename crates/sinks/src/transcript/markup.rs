//! The pieces of *clean* HTML: what the sanitiser wrote, and nothing else.
//!
//! The sanitiser's output is well-formed: a bare `<` always begins a tag, attributes stand in double quotes, and text
//! knows only five entities. That makes a scanner of this size correct; on raw input it would not be.

/// One piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text, still with entities.
    Text(&'a str),
    /// An opening tag (or a void one), with its attributes as written.
    Open { name: &'a str, attributes: &'a str },
    /// A closing tag.
    Close { name: &'a str },
}

/// The pieces of clean HTML, in order; put together they are the HTML again.
pub(super) fn pieces(html: &str) -> Pieces<'_> {
    Pieces { rest: html }
}

/// An iterator over pieces.
pub(super) struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let Some(tag) = self.rest.strip_prefix('<') else {
            let end = self.rest.find('<').unwrap_or(self.rest.len());
            let (text, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(Piece::Text(text));
        };
        let end = tag_end(tag);
        let (inner, rest) = tag.split_at(end);
        self.rest = rest.strip_prefix('>').unwrap_or(rest);
        Some(match inner.strip_prefix('/') {
            Some(name) => Piece::Close { name },
            None => {
                let (name, attributes) = inner.split_once(' ').unwrap_or((inner, ""));
                Piece::Open { name, attributes }
            }
        })
    }
}

/// Where the tag's `>` stands: the first outside double quotes.
fn tag_end(tag: &str) -> usize {
    let mut quoted = false;
    for (i, byte) in tag.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return i,
            _ => {}
        }
    }
    tag.len()
}

/// An attribute's value as written, entities and all.
pub(super) fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = attributes;
    while let Some((key, tail)) = rest.split_once("=\"") {
        let (value, tail) = tail.split_once('"')?;
        if key.trim_start() == name {
            return Some(value);
        }
        rest = tail;
    }
    None
}

/// Text without entities: the five that a serializer writes.
pub(super) fn decode(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        let entity = &rest[start..];
        let known = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&nbsp;", '\u{a0}')];
        let (length, c) = known
            .iter()
            .find(|(name, _)| entity.starts_with(name))
            .map_or((1, '&'), |(name, c)| (name.len(), *c));
        out.push(c);
        rest = &entity[length..];
    }
    out.push_str(rest);
}
