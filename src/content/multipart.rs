//! The fields of a form in `multipart/form-data` (RFC 7578, RFC 2046 §5.1), read strictly.
//!
//! What clients write is read; what readers differ on is not: a preamble, bare line ends, folded fields, a part with two
//! names, a boundary that goes on. A part with a file name is a file, and no field.

use memchr::memmem;

use super::form::Fields;
use crate::policy::content::{Content, NoValue};
use crate::policy::wanted::Wanted;

/// Encodings of a part that leave it as it is (RFC 2045 §6.2).
const PLAIN: [&str; 3] = ["7bit", "8bit", "binary"];

pub(super) fn content(text: &[u8], boundary: &str, wanted: &Wanted) -> Content {
    match fields(text, boundary, wanted) {
        Some(fields) => fields.content(),
        None => Content::of_form(Err(NoValue::NotMultipart), Vec::new()),
    }
}

/// None if it is not well-formed.
fn fields(text: &[u8], boundary: &str, wanted: &Wanted) -> Option<Fields> {
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    let mut fields = Fields::default();
    // The first delimiter has no line before it.
    let mut rest = text.strip_prefix(&delimiter.as_bytes()[2..])?;
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let end = finder.find(part)?;
        let (head, content) = split(&part[..end])?;
        if let Some(name) = head.field {
            fields.add(&name, &String::from_utf8_lossy(content), wanted);
        }
        rest = &part[end + delimiter.len()..];
    }
    matches!(rest, b"--" | b"--\r\n").then_some(fields)
}

/// What stands above a part.
#[derive(Default)]
struct Head {
    /// The name of a field; none of a file.
    field: Option<String>,
    is_named: bool,
}

fn split(part: &[u8]) -> Option<(Head, &[u8])> {
    let end = memmem::find(part, b"\r\n\r\n")?;
    let lines = std::str::from_utf8(&part[..end]).ok()?;
    let mut head = Head::default();
    let mut is_plain = true;
    for line in lines.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        if line.contains(['\r', '\n', '\0']) || name.is_empty() || name.contains([' ', '\t']) {
            return None;
        }
        match &*name.to_ascii_lowercase() {
            "content-disposition" if head.is_named => return None,
            "content-disposition" => {
                head.is_named = true;
                head.field = field(value.trim())?;
            }
            "content-transfer-encoding" => {
                let is = |plain: &&str| value.trim().eq_ignore_ascii_case(plain);
                is_plain = PLAIN.iter().any(is);
            }
            _ => {}
        }
    }
    // What is encoded, some decode and some do not.
    let is_read = head.is_named && (is_plain || head.field.is_none());
    is_read.then_some((head, &part[end + 4..]))
}

/// The name of a field, or that it is a file; none if it is neither in one way only.
fn field(disposition: &str) -> Option<Option<String>> {
    let (kind, mut rest) = disposition.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let (mut name, mut is_file) = (None, false);
    loop {
        let (attribute, after) = rest.split_once('=')?;
        let (value, after) = value(after)?;
        match &*attribute.trim().to_ascii_lowercase() {
            "name" if name.is_some() => return None,
            "name" => name = Some(value),
            "filename" | "filename*" => is_file = true,
            // RFC 7578 §4.2 has no other, and `name*` would be a second name to some.
            _ => return None,
        }
        match after.trim_start() {
            "" => return name.map(|name| (!is_file).then(|| name.to_owned())),
            more => rest = more.strip_prefix(';')?,
        }
    }
}

/// A value in quotes or without, and what follows. To some `\` escapes, to others it is one of a path: before a quote it
/// leaves open where the value ends.
fn value(text: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (value, after) = quoted.split_once('"')?;
        return (!value.ends_with('\\')).then_some((value, after));
    }
    let end = text.find(';').unwrap_or(text.len());
    let value = text[..end].trim();
    let is_token = !value.is_empty() && !value.contains(['"', ' ', '\t', '\\']);
    is_token.then_some((value, &text[end..]))
}
