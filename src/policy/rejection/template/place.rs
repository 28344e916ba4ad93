//! Where in a template that stands which a fault is about.
//!
//! An error of JSON has its place in what was made. So the template is rendered once more with marks in it: private
//! characters, each for a place of the template, which go through to what it makes. Without them it makes the same, but
//! for blanks that a tag would have trimmed, which are nothing to JSON.

use std::ops::Range;

use minijinja::Error;
use serde::de::IgnoredAny;

/// The marks are the characters of the planes for private use, in their order.
const MARKS: Range<u32> = 0xF_0000..0xF_FFFE;

/// Where a template names a variable first.
pub(super) fn of_variable(text: &str, name: &str) -> Option<Range<usize>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let found = text.match_indices(name).find(|(at, _)| {
        let (before, after) = (&text[..*at], &text[at + name.len()..]);
        let last = |marks: [&str; 2]| marks.iter().filter_map(|mark| before.rfind(mark)).max();
        let is_in_tag = last(["{{", "{%"]) > last(["}}", "%}"]);
        is_in_tag && !before.ends_with(is_part) && !after.starts_with(|c| is_part(c) && c != '.')
    });
    found.map(|(at, name)| at..at + name.len())
}

/// In bytes of the template, where that stands which makes no JSON. None if it cannot be said.
pub(super) fn of_json(
    text: &str,
    render: impl FnOnce(String) -> Result<String, Error>,
) -> Option<usize> {
    let marks = marks(text);
    let made = render(marked(text, &marks)).ok()?;
    let mut plain = String::new();
    // Where each mark stood in what was made, and which it was.
    let mut places = Vec::new();
    for character in made.chars() {
        if MARKS.contains(&u32::from(character)) {
            let mark = u32::from(character) - MARKS.start;
            places.push((plain.len(), *marks.get(usize::try_from(mark).ok()?)?));
        } else {
            plain.push(character);
        }
    }
    let error = serde_json::from_str::<IgnoredAny>(&plain).err()?;
    let at = offset(&plain, &error);
    let (from, mark) = *places.iter().rev().find(|(from, _)| *from <= at)?;
    let is_tag = text[mark..].starts_with("{{");
    Some(if is_tag { mark } else { mark + (at - from) }.min(text.len()))
}

/// What an error of JSON says, but for where.
pub(super) fn without(error: &serde_json::Error) -> String {
    let told = error.to_string();
    let end = told.rfind(" at line ").unwrap_or(told.len());
    told[..end].to_owned()
}

/// The byte at which a text ceases to be JSON.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    if error.is_eof() {
        return text.len();
    }
    let before = text.split_inclusive('\n');
    let before = before.take(error.line().saturating_sub(1));
    let start: usize = before.map(str::len).sum();
    start + error.column().saturating_sub(1)
}

/// Before each tag that prints, behind each tag, and where a line begins outside of them.
fn marks(text: &str) -> Vec<usize> {
    let mut marks = vec![0];
    let mut at = 0;
    while let Some(found) = text[at..].find(['{', '\n']).map(|found| at + found) {
        let rest = &text[found..];
        let end = match rest.get(..2) {
            Some("{{") => rest.find("}}"),
            Some("{%") => rest.find("%}"),
            Some("{#") => rest.find("#}"),
            Some(_) | None => None,
        };
        if rest.starts_with("{{") {
            marks.push(found);
        }
        at = found + end.map_or(1, |end| end + 2);
        if end.is_some() || rest.starts_with('\n') {
            marks.push(at);
        }
    }
    marks.dedup();
    marks
}

fn marked(text: &str, marks: &[usize]) -> String {
    let mut marked = String::with_capacity(text.len() + 4 * marks.len());
    let ends = marks.iter().skip(1).copied().chain([text.len()]);
    for ((mark, start), end) in MARKS.zip(marks).zip(ends) {
        marked.extend(char::from_u32(mark));
        marked.push_str(&text[*start..end]);
    }
    marked
}
