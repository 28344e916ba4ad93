//! The fields of a message: most go on as they came, and are never taken apart.
//!
//! Invariants:
//! - What is kept as lines has passed the check of a head, and a map has room for it.
//! - Asked for its fields, it says the same whether they are kept as lines, as fields of our own, or as a map.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::present::{Named, Present};
use super::Spelling;
use super::own::OwnFields;

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
    /// Of our own.
    Own(OwnFields),
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
    /// Where the head begins in memory.
    begin: usize,
    lines: Vec<FieldLine>,
}

impl Reading {
    /// None yet, of this head, which is no longer than a head may be.
    pub(super) fn of(head: &[u8]) -> Self {
        Self {
            present: Present::NONE,
            begin: head.as_ptr().addr(),
            lines: Vec::with_capacity(USUAL),
        }
    }

    /// Adds a field of that head, which was looked at.
    pub(super) fn add(&mut self, named: Option<Named>, name: &[u8], value: &[u8]) {
        if let Some(named) = named {
            self.present = self.present.with(named);
        }
        self.lines.push(FieldLine {
            named,
            // No field has a longer one.
            name_length: u16::try_from(name.len()).unwrap_or(u16::MAX),
            name_at: self.place(name),
            value_at: self.place(value),
            value_length: saturated(value.len()),
        });
    }

    /// Where this part of the head begins, if it is not empty.
    fn place(&self, part: &[u8]) -> u32 {
        if part.is_empty() {
            return 0;
        }
        saturated(part.as_ptr().addr() - self.begin)
    }

    /// The fields, of which this is the head, where it was.
    pub(super) fn end(self, head: Bytes, is_cased: bool) -> Fields {
        debug_assert_eq!(head.as_ptr().addr(), self.begin, "it is that head");
        Fields {
            present: self.present,
            kept: Kept::Lines(FieldLines {
                text: head,
                lines: self.lines,
                is_cased,
                left_out: Present::NONE,
            }),
        }
    }
}

impl FieldLines {
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
        let is_kept = |named: Option<Named>| named.is_none_or(|named| !self.left_out.has(named));
        came.filter(move |(named, ..)| is_kept(*named))
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
        if !self.is_cased {
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
    /// Fields of our own. None of them says how long the content is or how it is framed, what becomes of the connection, or what
    /// the date is.
    pub(super) const fn own(own: OwnFields) -> Self {
        Self {
            present: Present::NONE.with(Named::ContentType),
            kept: Kept::Own(own),
        }
    }

    /// Those of our own, if they are, and unchanged.
    pub const fn own_fields(&self) -> Option<&OwnFields> {
        match &self.kept {
            Kept::Own(own) => Some(own),
            Kept::Lines(_) | Kept::Map(_) => None,
        }
    }

    /// Which of those that are asked for the message came with.
    pub const fn present(&self) -> Present {
        self.present
    }

    /// Whether they are as they came, but for what is left out.
    pub const fn are_as_they_came(&self) -> bool {
        matches!(self.kept, Kept::Lines(_))
    }

    /// Whether the names are written as they are, and not in lower case.
    pub fn is_cased(&self) -> bool {
        match &self.kept {
            Kept::Lines(lines) => lines.is_cased,
            Kept::Own(_) | Kept::Map(_) => true,
        }
    }

    /// Gives `take` each field: which of those that are asked for it is, its name as it was written, and its value.
    pub fn each(&self, mut take: impl FnMut(Option<Named>, &[u8], &[u8])) {
        let mapped = match &self.kept {
            Kept::Lines(lines) => {
                return lines
                    .iter()
                    .for_each(|(named, name, value)| take(named, name, value));
            }
            Kept::Own(own) => {
                return own
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
        let (lines, own, map) = self.one_of();
        let lines = lines.into_iter().flat_map(FieldLines::iter);
        let own = own.into_iter().flat_map(OwnFields::iter);
        let map = map.into_iter().flatten();
        let map = map.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
        let unmapped = lines.chain(own).map(|(_, name, value)| (name, value));
        unmapped.chain(map)
    }

    /// The values of this field, in their order.
    pub fn values(&self, field: Named) -> impl Iterator<Item = &[u8]> {
        let (lines, own, map) = self.one_of();
        let lines = lines.filter(|_| self.present.has(field)).into_iter();
        let lines = lines.flat_map(FieldLines::iter);
        let unmapped = lines.chain(own.into_iter().flat_map(OwnFields::iter));
        let unmapped =
            unmapped.filter_map(move |(named, _, value)| (named == Some(field)).then_some(value));
        let map = map.into_iter().flatten();
        let map = map.filter(move |(name, _)| Named::of(name) == Some(field));
        unmapped.chain(map.map(|(_, value)| value.as_bytes()))
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

    /// As a map: made anew each time, where they are none.
    pub fn map(&self) -> Cow<'_, HeaderMap> {
        match &self.kept {
            Kept::Lines(lines) => Cow::Owned(lines.map()),
            Kept::Own(own) => Cow::Owned(own.map()),
            Kept::Map(mapped) => Cow::Borrowed(&mapped.map),
        }
    }

    /// As a map, to be changed.
    pub fn map_mut(&mut self) -> &mut HeaderMap {
        let mapped = match &self.kept {
            Kept::Lines(lines) => Some((lines.map(), lines.spelling())),
            Kept::Own(own) => Some((own.map(), None)),
            Kept::Map(_) => None,
        };
        if let Some((map, spelling)) = mapped {
            self.kept = Kept::Map(Box::new(Mapped { map, spelling }));
        }
        match &mut self.kept {
            Kept::Map(mapped) => &mut mapped.map,
            Kept::Lines(_) | Kept::Own(_) => unreachable!("they were put into a map just now"),
        }
    }

    /// As a map, without how its names were written.
    pub fn into_map(self) -> HeaderMap {
        match self.kept {
            Kept::Lines(lines) => lines.map(),
            Kept::Own(own) => own.map(),
            Kept::Map(mapped) => mapped.map,
        }
    }

    /// One of them.
    const fn one_of(&self) -> (Option<&FieldLines>, Option<&OwnFields>, Option<&HeaderMap>) {
        match &self.kept {
            Kept::Lines(lines) => (Some(lines), None, None),
            Kept::Own(own) => (None, Some(own), None),
            Kept::Map(mapped) => (None, None, Some(&mapped.map)),
        }
    }
}

impl Default for Fields {
    fn default() -> Self {
        HeaderMap::new().into()
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
        let parsed = parse_response(Bytes::from_static(RAW), false, cased);
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
    fn fields_of_our_own_and_a_map_of_them_say_the_same() {
        static STATUS: HeaderValue = HeaderValue::from_static("writegate");
        let own = Fields::own(OwnFields::new(120, &STATUS));
        let mut changed = own.clone();
        assert_eq!(changed.map_mut().len(), 4);
        assert!(own.own_fields().is_some() && changed.own_fields().is_none());
        assert_eq!(told(&own), told(&changed));
        let [own_fields, mapped] = [&own, &changed].map(|fields| fields.iter().collect::<Vec<_>>());
        assert_eq!(own_fields, mapped);
        for field in [Named::ContentType, Named::Date] {
            assert_eq!(own.value(field), changed.value(field));
            assert_eq!(own.value(field).is_some(), own.present().has(field));
        }
        assert_eq!(*own.map(), own.clone().into_map());
        let mut written = Vec::new();
        own.own_fields().expect("they are").encode(&mut written);
        let line = |(name, value): (&[u8], &[u8])| [name, b": ", value, b"\r\n"].concat();
        let lines: Vec<_> = own.iter().flat_map(line).collect();
        assert_eq!(written, lines);
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
