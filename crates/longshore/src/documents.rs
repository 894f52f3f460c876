//! Pages of `docs/` that are made from the program's own tables, and the test that holds them to it.
//!
//! A page has a part between `<!-- begin NAME -->` and `<!-- end NAME -->`. With `UPDATE_DOCS=1` in the
//! environment the tests write that part; without it they fail when it differs.

use std::path::Path;

/// Assert that the part `name` of the page holds exactly `text`.
///
/// # Panics
/// When it does not, or the page has no such part.
pub(crate) fn holds(page: &str, name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    let page_text = std::fs::read_to_string(&path).expect("the page exists");
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let (head, rest) = page_text.split_once(&begin).expect("the page has the part's begin mark");
    let (part, tail) = rest.split_once(&end).expect("the page has the part's end mark");
    let text = format!("\n{}\n\n", text.trim_end());
    if part == text {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{head}{begin}{text}{end}{tail}")).expect("the page can be written");
        return;
    }
    panic!(
        "docs/{page} is not what the program says: run the tests once with UPDATE_DOCS=1 and read the difference"
    );
}
