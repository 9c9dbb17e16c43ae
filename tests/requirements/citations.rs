//! Finds requirement ids in Rust and C source, and what they stand in.
//!
//! It reads lines, not syntax, and trusts the formatter: an item ends with the
//! first line, as far in as its own, that ends with `}` or `;`.

const PREFIX: &str = "SRS_WSIO_";

/// An id, as written in full.
#[derive(Debug, PartialEq)]
pub struct Citation {
    pub id: String,
    pub line: usize,
    /// The function, type or constant that it is in, or that follows the comment
    /// that it is in; empty where there is none.
    pub item: String,
    /// Whether that is a test.
    pub in_test: bool,
}

#[derive(Clone, Default)]
struct Item {
    name: String,
    is_test: bool,
}

pub fn citations(file: &str, text: &str) -> Vec<Citation> {
    let item_in: fn(&str) -> Option<Item> = match file.rsplit('.').next() {
        Some("rs") => rust_item,
        Some("c" | "h") => c_item,
        _ => |_| None,
    };
    let mut found = Vec::new();
    // Ids before an item, with their lines.
    let mut waiting = Vec::new();
    // The item that the line is in, and how far in it begins.
    let mut inside: Option<(Item, usize)> = None;
    let mut tests_follow = false;
    let mut test_follows = false;

    for (number, line) in (1..).zip(text.lines()) {
        let indent = line.len() - line.trim_start().len();
        tests_follow |= line == "#[cfg(test)]";
        test_follows |= line.trim() == "#[test]";
        if inside.as_ref().is_none_or(|&(_, begin)| indent <= begin) {
            if let Some(mut item) = item_in(line) {
                item.is_test |= tests_follow || test_follows;
                test_follows = false;
                cite(&mut found, waiting.drain(..), &item);
                inside = Some((item, indent));
            }
        }
        let here = ids(line).map(|id| (id, number));
        match &inside {
            Some((item, _)) => cite(&mut found, here, item),
            None => waiting.extend(here),
        }
        let code = line.split(" /").next().unwrap_or_default().trim_end();
        let ends = code.ends_with(['}', ';']);
        if ends && inside.as_ref().is_some_and(|&(_, begin)| indent == begin) {
            inside = None;
        }
    }
    cite(&mut found, waiting.into_iter(), &Item::default());
    found
}

fn cite(found: &mut Vec<Citation>, ids: impl Iterator<Item = (String, usize)>, item: &Item) {
    found.extend(ids.map(|(id, line)| Citation {
        id,
        line,
        item: item.name.clone(),
        in_test: item.is_test,
    }));
}

fn ids(line: &str) -> impl Iterator<Item = String> {
    line.match_indices(PREFIX).map(|(at, _)| {
        let digits = line[at + PREFIX.len()..].chars();
        PREFIX.chars().chain(digits.take_while(|c| c.is_ascii_digit() || *c == '_')).collect()
    })
}

/// `pub unsafe extern "C" fn name`, `static NAME`, `struct Name` and the like.
fn rust_item(line: &str) -> Option<Item> {
    const MODIFIERS: &[&str] = &["async", "unsafe", "extern", "\"C\"", "mut"];
    const KINDS: &[&str] = &["fn", "struct", "enum", "trait", "type", "const", "static"];
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
    let mut kind = false;
    let name = words.find(|word| {
        kind |= KINDS.contains(word);
        !KINDS.contains(word) && !MODIFIERS.contains(word)
    })?;
    kind.then(|| Item { name: identifier(name), is_test: false })
}

/// A function at the left margin, or a test: `TEST…(name)`.
fn c_item(line: &str) -> Option<Item> {
    if !line.starts_with(|c: char| c.is_ascii_alphabetic()) || line.ends_with(';') {
        return None;
    }
    let (before, after) = line.split_once('(')?;
    let is_test = before.starts_with("TEST");
    let name = if is_test { after } else { before.rsplit([' ', '*']).next()? };
    Some(Item { name: identifier(name), is_test })
}

/// The identifier that `text` begins with.
fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

fn summary(file: &str, text: &str) -> Vec<String> {
    citations(file, text)
        .iter()
        .map(|c| {
            let number = c.id.trim_start_matches("SRS_WSIO_01_");
            format!("{}: {number} {}{}", c.line, c.item, if c.in_test { " (test)" } else { "" })
        })
        .collect()
}

#[test]
fn rust_items_are_found() {
    let text = "\
//! About the file: SRS_WSIO_01_001.

/// SRS_WSIO_01_002
/// and more.
#[repr(C)]
pub struct Name {
    field: u8, // SRS_WSIO_01_003
}

static TABLE: Table = Table {
    entry: 0, // SRS_WSIO_01_004
};
pub(crate) const SIZE: usize = 8; // SRS_WSIO_01_005

impl Name {
    /// SRS_WSIO_01_006 to 008, SRS_WSIO_01_009
    pub(crate) const unsafe extern \"C\" fn new(
        field: u8, // SRS_WSIO_01_010
    ) -> Self {
        Self { field } // SRS_WSIO_01_011
    }
}

#[cfg(test)]
mod tests {
    // SRS_WSIO_01_012
    #[test]
    fn it_works() {
        assert!(true); // SRS_WSIO_01_013
    }
}
";
    assert_eq!(
        summary("name.rs", text),
        [
            "1: 001 Name",
            "3: 002 Name",
            "7: 003 Name",
            "11: 004 TABLE",
            "13: 005 SIZE",
            "16: 006 new",
            "16: 009 new",
            "18: 010 new",
            "20: 011 new",
            "26: 012 it_works (test)",
            "29: 013 it_works (test)",
        ]
    );
}

#[test]
fn c_items_are_found() {
    let text = "\
/* SRS_WSIO_01_001 */
static const char* helper(void)
{
    return NULL; /* SRS_WSIO_01_002 */
}

/* SRS_WSIO_01_003, SRS_WSIO_01_004:
 * both. */
TEST(first)
{
    CHECK(true);
}

TEST_TWICE(second) { CHECK(true); } /* SRS_WSIO_01_005 */
/* SRS_WSIO_01_006 */
";
    assert_eq!(
        summary("name.c", text),
        [
            "1: 001 helper",
            "4: 002 helper",
            "7: 003 first (test)",
            "7: 004 first (test)",
            "14: 005 second (test)",
            "15: 006 ",
        ]
    );
}
