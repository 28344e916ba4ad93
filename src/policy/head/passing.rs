//! The head of a response on its way to the client: most go on as they came, and their fields are never taken apart.
//!
//! Invariants:
//! - What is kept as lines has passed the check of a head, and is within its bounds.
//! - Asked for its fields, it says the same whether they are kept as lines or as a map.

use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, response};

use super::super::present::{Named, Present};
use super::line::Lines;
use super::{Reason, Spelling, each_line};

/// The head of a response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// All but the fields that are still lines.
    parts: response::Parts,
    lines: Option<FieldLines>,
}

/// As many fields as most responses have.
const USUAL: usize = 8;

/// Fields as they came.
#[derive(Clone, Debug)]
pub(super) struct FieldLines {
    /// What they are parts of.
    text: Bytes,
    lines: Vec<FieldLine>,
    present: Present,
    /// Whether names go on as they were written, and not in lower case.
    is_cased: bool,
    /// Those that are left out from now on.
    left_out: Present,
    /// Whether the text is nothing but lines of our own, as they are sent. Where they stand is found out only where it is asked.
    is_written: bool,
}

/// Where a name and a value stand.
#[derive(Clone, Debug)]
struct FieldLine {
    named: Option<Named>,
    name: Range<u32>,
    value: Range<u32>,
}

impl FieldLines {
    /// None yet, of this head, which is no longer than a head may be.
    pub(super) fn of(head: &Bytes, is_cased: bool) -> Self {
        Self {
            text: head.clone(),
            lines: Vec::with_capacity(USUAL),
            present: Present::NONE,
            is_cased,
            left_out: Present::NONE,
            is_written: false,
        }
    }

    /// Adds a field of that head, which was looked at.
    pub(super) fn add(&mut self, name: &[u8], value: &[u8]) {
        let named = Named::of_line(name);
        if let Some(named) = named {
            self.present = self.present.with(named);
        }
        self.lines.push(FieldLine {
            named,
            name: self.place(name),
            value: self.place(value),
        });
    }

    fn place(&self, part: &[u8]) -> Range<u32> {
        if part.is_empty() {
            return 0..0;
        }
        let at = part.as_ptr().addr() - self.text.as_ptr().addr();
        let [from, to] = [at, at + part.len()].map(|at| u32::try_from(at).unwrap_or(u32::MAX));
        from..to
    }

    fn text(&self, place: &Range<u32>) -> &[u8] {
        &self.text[place.start as usize..place.end as usize]
    }

    /// The fields: which of those that are asked for each is, its name as it was written, and its value.
    fn iter(&self) -> impl Iterator<Item = (Option<Named>, &[u8], &[u8])> {
        let came = self.lines.iter();
        let came = came.map(|line| (line.named, self.text(&line.name), self.text(&line.value)));
        let rest = if self.is_written { &*self.text } else { &[] };
        let written = Lines { rest }.fields().flatten();
        let written = written.map(|(name, value)| (Named::of_line(name), name, value));
        let is_kept = |named: Option<Named>| named.is_none_or(|named| !self.left_out.has(named));
        came.chain(written)
            .filter(move |(named, ..)| is_kept(*named))
    }

    /// As a map; and how the names were written, where that is kept.
    fn unfold(&self) -> (HeaderMap, Option<Spelling>) {
        let mut fields = HeaderMap::new();
        let is_spelled = self.is_cased && !self.is_written;
        let mut spelling = is_spelled.then(Spelling::default);
        for (_, spelled, value) in self.iter() {
            let value = HeaderValue::from_maybe_shared(self.text.slice_ref(value));
            // Both have been looked at.
            let (Ok(name), Ok(value)) = (HeaderName::from_bytes(spelled), value) else {
                continue;
            };
            if let Some(spelling) = &mut spelling {
                spelling.add(&name, self.text.slice_ref(spelled));
            }
            fields.append(name, value);
        }
        (fields, spelling)
    }
}

impl ResponseHead {
    /// One that came with these lines.
    pub(super) const fn of_lines(parts: response::Parts, lines: FieldLines) -> Self {
        Self {
            parts,
            lines: Some(lines),
        }
    }

    /// One of our own, with lines that are written as they are sent, of which these are `present`. None of them says how long
    /// the content is or how it is framed, what becomes of the connection, or what the date is.
    pub(in super::super) const fn of_written(
        parts: response::Parts,
        text: Bytes,
        present: Present,
    ) -> Self {
        Self {
            parts,
            lines: Some(FieldLines {
                text,
                lines: Vec::new(),
                present,
                is_cased: true,
                left_out: Present::NONE,
                is_written: true,
            }),
        }
    }

    /// Its lines, where they are sent as they are.
    pub fn written(&self) -> Option<&[u8]> {
        let lines = self.lines.as_ref()?;
        let is_as_sent = lines.is_written && lines.left_out == Present::NONE;
        is_as_sent.then_some(&lines.text)
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.parts.status
    }

    /// The version that it came in.
    pub const fn version(&self) -> Version {
        self.parts.version
    }

    /// The reason phrase, where it is not the usual one.
    pub fn reason(&self) -> Option<&Reason> {
        self.parts.extensions.get()
    }

    /// Whether the names of its fields are written as they are, and not in lower case.
    pub fn is_cased(&self) -> bool {
        self.lines.as_ref().is_none_or(|lines| lines.is_cased)
    }

    /// Gives `take` each field: which of those that are asked for it is, its name as it was written, and its value.
    pub fn each_field(&self, mut take: impl FnMut(Option<Named>, &[u8], &[u8])) {
        if let Some(lines) = &self.lines {
            return lines
                .iter()
                .for_each(|(named, name, value)| take(named, name, value));
        }
        let response::Parts {
            headers,
            extensions,
            ..
        } = &self.parts;
        each_line(headers, extensions, |name, spelled, value| {
            take(Named::of(name), spelled, value.as_bytes());
        });
    }

    /// The values of this field, in their order.
    pub fn values(&self, field: Named) -> impl Iterator<Item = &[u8]> {
        let lines = self.lines.as_ref().filter(|lines| lines.present.has(field));
        let lines = lines.into_iter().flat_map(FieldLines::iter);
        let came =
            lines.filter_map(move |(named, _, value)| (named == Some(field)).then_some(value));
        let map = self.parts.headers.iter();
        let own = map.filter(move |(name, _)| Named::of(name) == Some(field));
        let own = own.map(|(_, value)| value.as_bytes());
        came.chain(own)
    }

    /// Which of the fields that are asked for came as lines; none where it has a map.
    pub(in super::super) fn lines(&self) -> Option<Present> {
        self.lines.as_ref().map(|lines| lines.present)
    }

    /// Leaves out these fields from now on, where it is still lines.
    pub(in super::super) const fn leave_out(&mut self, fields: Present) {
        if let Some(lines) = &mut self.lines {
            lines.left_out = fields;
        }
    }

    /// Its fields as a map, to be changed.
    pub fn fields_mut(&mut self) -> &mut HeaderMap {
        self.unfold();
        &mut self.parts.headers
    }

    /// All of it, with its fields as a map.
    pub fn into_parts(mut self) -> response::Parts {
        self.unfold();
        self.parts
    }

    fn unfold(&mut self) {
        if let Some(lines) = self.lines.take() {
            let (fields, spelling) = lines.unfold();
            self.parts.headers = fields;
            if let Some(spelling) = spelling {
                self.parts.extensions.insert(spelling);
            }
        }
    }
}

impl From<response::Parts> for ResponseHead {
    fn from(parts: response::Parts) -> Self {
        Self { parts, lines: None }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_response;
    use super::*;

    const RAW: &[u8] =
        b"HTTP/1.1 200 OK\r\nX-One: 1\r\nkeep-alive:  timeout=5 \r\nConnection: close\r\n\
        CONNECTION: keep-alive\r\nx-ONE: 2\r\nEmpty:\r\n\r\n";

    fn parsed(cased: bool) -> ResponseHead {
        let parsed = parse_response(&Bytes::from_static(RAW), false, cased);
        *parsed.expect("it has one reading").head
    }

    fn told(head: &ResponseHead) -> Vec<String> {
        let mut told = Vec::new();
        head.each_field(|named, name, value| {
            let [name, value] = [name, value].map(String::from_utf8_lossy);
            told.push(format!("{named:?} {name}: {value}"));
        });
        told.sort();
        told
    }

    #[test]
    fn lines_and_a_map_say_the_same() {
        for left_out in [Present::NONE, Present::NONE.with(Named::Connection)] {
            let mut as_came = parsed(true);
            as_came.leave_out(left_out);
            let mut unfolded = as_came.clone();
            assert_eq!(
                unfolded.fields_mut().contains_key("connection"),
                left_out == Present::NONE
            );
            assert_eq!(told(&as_came), told(&unfolded));
            for field in [Named::Connection, Named::KeepAlive, Named::Date] {
                let [lines, map] =
                    [&as_came, &unfolded].map(|head| head.values(field).collect::<Vec<_>>());
                assert_eq!(lines, map, "{field:?}");
            }
        }
    }

    #[test]
    fn names_are_as_they_were_written_where_that_is_kept() {
        for cased in [false, true] {
            let head = parsed(cased);
            assert_eq!(head.is_cased(), cased);
            assert_eq!(
                head.values(Named::KeepAlive).next(),
                Some(&b"timeout=5"[..])
            );
            let unfolded = ResponseHead::from(head.into_parts());
            let is_spelled = told(&unfolded).contains(&"None x-ONE: 2".to_owned());
            assert_eq!(is_spelled, cased);
        }
    }
}
