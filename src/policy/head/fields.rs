//! The fields of a message: most go on as they came, and are never taken apart.
//!
//! Invariants:
//! - What is kept as lines has passed the check of a head, and a map has room for it.
//! - Asked for its fields, it says the same whether they are kept as lines or as a map.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::present::{Named, Present};
use super::Spelling;
use super::line::Lines;

/// As many fields as most messages have.
const USUAL: usize = 8;

/// The fields of a message.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Which of those that are asked for it came with.
    present: Present,
    kept: Kept,
}

#[derive(Clone, Debug)]
enum Kept {
    /// As they came.
    Lines(FieldLines),
    /// As they came with a map, or were changed.
    Map(Box<Mapped>),
}

/// Fields as a map.
#[derive(Clone, Debug, Default)]
struct Mapped {
    map: HeaderMap,
    /// How the names were written, where that is kept.
    spelling: Option<Spelling>,
}

/// Fields as they came.
#[derive(Clone, Debug)]
struct FieldLines {
    /// What they are parts of.
    text: Bytes,
    lines: Vec<FieldLine>,
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
    name_length: u16,
    name_at: u32,
    value_at: u32,
    value_length: u32,
}

/// The allocator has a power of two at once; what else is asked for, it mostly makes by way of something larger.
const _: () = assert!((USUAL * size_of::<FieldLine>()).is_power_of_two());

/// The fields of a head that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    present: Present,
    lines: FieldLines,
}

impl Reading {
    /// None yet, of this head, which is no longer than a head may be.
    pub(super) fn of(head: &Bytes, is_cased: bool) -> Self {
        Self {
            present: Present::NONE,
            lines: FieldLines {
                text: head.clone(),
                lines: Vec::with_capacity(USUAL),
                is_cased,
                left_out: Present::NONE,
                is_written: false,
            },
        }
    }

    /// Adds a field of that head, which was looked at.
    pub(super) fn add(&mut self, named: Option<Named>, name: &[u8], value: &[u8]) {
        if let Some(named) = named {
            self.present = self.present.with(named);
        }
        self.lines.lines.push(FieldLine {
            named,
            // No field has a longer one.
            name_length: u16::try_from(name.len()).unwrap_or(u16::MAX),
            name_at: self.lines.place(name),
            value_at: self.lines.place(value),
            value_length: saturated(value.len()),
        });
    }
}

impl FieldLines {
    /// Where this part of the text begins, if it is not empty.
    fn place(&self, part: &[u8]) -> u32 {
        if part.is_empty() {
            return 0;
        }
        saturated(part.as_ptr().addr() - self.text.as_ptr().addr())
    }

    fn text(&self, at: u32, length: u32) -> &[u8] {
        &self.text[at as usize..][..length as usize]
    }

    fn line(&self, line: &FieldLine) -> (Option<Named>, &[u8], &[u8]) {
        let name = self.text(line.name_at, line.name_length.into());
        (
            line.named,
            name,
            self.text(line.value_at, line.value_length),
        )
    }

    /// The fields: which of those that are asked for each is, its name as it was written, and its value.
    fn iter(&self) -> impl Iterator<Item = (Option<Named>, &[u8], &[u8])> {
        let came = self.lines.iter().map(|line| self.line(line));
        let rest = if self.is_written { &*self.text } else { &[] };
        let written = Lines { rest }.fields().flatten();
        let written = written.map(|(name, value)| (Named::of_line(name), name, value));
        let is_kept = |named: Option<Named>| named.is_none_or(|named| !self.left_out.has(named));
        came.chain(written)
            .filter(move |(named, ..)| is_kept(*named))
    }

    fn map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (_, name, value) in self.iter() {
            let value = HeaderValue::from_maybe_shared(self.text.slice_ref(value));
            // Both have been looked at, and there is room for all.
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), value) {
                map.append(name, value);
            }
        }
        map
    }

    /// How the names were written, where that is kept.
    fn spelling(&self) -> Option<Spelling> {
        if !self.is_cased || self.is_written {
            return None;
        }
        let mut spelling = Spelling::default();
        for (_, spelled, _) in self.iter() {
            if let Ok(name) = HeaderName::from_bytes(spelled) {
                spelling.add(&name, self.text.slice_ref(spelled));
            }
        }
        Some(spelling)
    }
}

/// No head has more octets.
fn saturated(octets: usize) -> u32 {
    u32::try_from(octets).unwrap_or(u32::MAX)
}

impl Fields {
    /// Lines of our own, written as they are sent, of which these are `present`. None of them says how long the content is or how
    /// it is framed, what becomes of the connection, or what the date is.
    pub(super) const fn written(text: Bytes, present: Present) -> Self {
        Self {
            present,
            kept: Kept::Lines(FieldLines {
                text,
                lines: Vec::new(),
                is_cased: true,
                left_out: Present::NONE,
                is_written: true,
            }),
        }
    }

    /// The lines, where they are written as they are sent.
    pub fn as_written(&self) -> Option<&[u8]> {
        let lines = self.lines()?;
        let is_as_sent = lines.is_written && lines.left_out == Present::NONE;
        is_as_sent.then_some(&lines.text)
    }

    /// Which of those that are asked for the message came with.
    pub const fn present(&self) -> Present {
        self.present
    }

    /// Whether they are as they came, but for what is left out.
    pub const fn are_as_they_came(&self) -> bool {
        self.lines().is_some()
    }

    /// Whether the names are written as they are, and not in lower case.
    pub fn is_cased(&self) -> bool {
        self.lines().is_none_or(|lines| lines.is_cased)
    }

    /// Gives `take` each field: which of those that are asked for it is, its name as it was written, and its value.
    pub fn each(&self, mut take: impl FnMut(Option<Named>, &[u8], &[u8])) {
        let mapped = match &self.kept {
            Kept::Lines(lines) => {
                return lines
                    .iter()
                    .for_each(|(named, name, value)| take(named, name, value));
            }
            Kept::Map(mapped) => mapped,
        };
        match &mapped.spelling {
            Some(spelling) => {
                for (name, spelled, value) in spelling.lines(&mapped.map) {
                    take(Named::of(name), spelled, value.as_bytes());
                }
            }
            None => {
                for (name, value) in &mapped.map {
                    let text = name.as_str().as_bytes();
                    take(Named::of(name), text, value.as_bytes());
                }
            }
        }
    }

    /// The name of each, in whatever case, and its value. Those of one name are in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (lines, map) = self.lines_or_map();
        let lines = lines.into_iter().flat_map(FieldLines::iter);
        let map = map.into_iter().flatten();
        let map = map.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
        lines.map(|(_, name, value)| (name, value)).chain(map)
    }

    /// The values of this field, in their order.
    pub fn values(&self, field: Named) -> impl Iterator<Item = &[u8]> {
        let (lines, map) = self.lines_or_map();
        let lines = lines.filter(|_| self.present.has(field)).into_iter();
        let came = lines.flat_map(FieldLines::iter);
        let came =
            came.filter_map(move |(named, _, value)| (named == Some(field)).then_some(value));
        let own = map.into_iter().flatten();
        let own = own.filter(move |(name, _)| Named::of(name) == Some(field));
        came.chain(own.map(|(_, value)| value.as_bytes()))
    }

    /// The first value of this field.
    pub fn value(&self, field: Named) -> Option<&[u8]> {
        self.values(field).next()
    }

    /// Leaves out these fields from now on, where they are as they came.
    pub(in super::super) const fn leave_out(&mut self, fields: Present) {
        if let Kept::Lines(lines) = &mut self.kept {
            lines.left_out = fields;
        }
    }

    /// As a map: made anew each time, of lines.
    pub fn map(&self) -> Cow<'_, HeaderMap> {
        match &self.kept {
            Kept::Lines(lines) => Cow::Owned(lines.map()),
            Kept::Map(mapped) => Cow::Borrowed(&mapped.map),
        }
    }

    /// As a map, to be changed.
    pub fn map_mut(&mut self) -> &mut HeaderMap {
        let mapped = self.lines().map(|lines| Mapped {
            map: lines.map(),
            spelling: lines.spelling(),
        });
        if let Some(mapped) = mapped {
            self.kept = Kept::Map(Box::new(mapped));
        }
        match &mut self.kept {
            Kept::Map(mapped) => &mut mapped.map,
            Kept::Lines(_) => unreachable!("they were put into a map just now"),
        }
    }

    /// As a map, without how its names were written.
    pub fn into_map(self) -> HeaderMap {
        match self.kept {
            Kept::Lines(lines) => lines.map(),
            Kept::Map(mapped) => mapped.map,
        }
    }

    /// One of them.
    const fn lines_or_map(&self) -> (Option<&FieldLines>, Option<&HeaderMap>) {
        match &self.kept {
            Kept::Lines(lines) => (Some(lines), None),
            Kept::Map(mapped) => (None, Some(&mapped.map)),
        }
    }

    const fn lines(&self) -> Option<&FieldLines> {
        match &self.kept {
            Kept::Lines(lines) => Some(lines),
            Kept::Map(_) => None,
        }
    }
}

impl Default for Fields {
    fn default() -> Self {
        HeaderMap::new().into()
    }
}

impl From<Reading> for Fields {
    fn from(Reading { present, lines }: Reading) -> Self {
        Self {
            present,
            kept: Kept::Lines(lines),
        }
    }
}

impl FromIterator<(HeaderName, HeaderValue)> for Fields {
    fn from_iter<T: IntoIterator<Item = (HeaderName, HeaderValue)>>(lines: T) -> Self {
        HeaderMap::from_iter(lines).into()
    }
}

impl From<HeaderMap> for Fields {
    fn from(map: HeaderMap) -> Self {
        Self {
            present: Present::of(&map),
            kept: Kept::Map(Box::new(Mapped {
                map,
                spelling: None,
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_response;
    use super::*;

    const RAW: &[u8] =
        b"HTTP/1.1 200 OK\r\nX-One: 1\r\nkeep-alive:  timeout=5 \r\nConnection: close\r\n\
        CONNECTION: keep-alive\r\nx-ONE: 2\r\nEmpty:\r\n\r\n";

    fn parsed(cased: bool) -> Fields {
        let parsed = parse_response(&Bytes::from_static(RAW), false, cased);
        parsed.expect("it has one reading").head.fields.clone()
    }

    fn told(fields: &Fields) -> Vec<String> {
        let mut told = Vec::new();
        fields.each(|named, name, value| {
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
            assert!(as_came.map().contains_key("connection"));
            as_came.leave_out(left_out);
            let mut changed = as_came.clone();
            changed.map_mut();
            for fields in [&as_came, &changed] {
                let has_it = fields.map().contains_key("connection");
                assert_eq!(has_it, left_out == Present::NONE);
            }
            assert_eq!(told(&as_came), told(&changed));
            let [lines, map] = [&as_came, &changed].map(|fields| {
                let mut all: Vec<_> = fields.iter().map(|(_, value)| value).collect();
                all.sort_unstable();
                all
            });
            assert_eq!(lines, map);
            for field in [Named::Connection, Named::KeepAlive, Named::Date] {
                let [lines, map] =
                    [&as_came, &changed].map(|fields| fields.values(field).collect::<Vec<_>>());
                assert_eq!(lines, map, "{field:?}");
            }
        }
    }

    #[test]
    fn names_are_as_they_were_written_where_that_is_kept() {
        for cased in [false, true] {
            let mut fields = parsed(cased);
            assert_eq!(fields.is_cased(), cased);
            assert_eq!(fields.value(Named::KeepAlive), Some(&b"timeout=5"[..]));
            fields.map_mut();
            let is_spelled = told(&fields).contains(&"None x-ONE: 2".to_owned());
            assert_eq!(is_spelled, cased);
        }
    }

    #[test]
    fn what_is_changed_is_told_as_it_is_now() {
        let mut fields = parsed(false);
        fields.map_mut().remove("keep-alive");
        assert_eq!(fields.value(Named::KeepAlive), None);
        assert!(fields.present().has(Named::KeepAlive), "it came");
    }
}
