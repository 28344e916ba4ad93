//! The kinds of values that a configuration is made of, and how each is written.
//!
//! Read by visitors rather than by untagged enums: those forget where a value stands, and what was wrong with it.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::Duration;

use http::HeaderName;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Unexpected, Visitor};
use toml::Spanned;

use super::fault::{Fault, Faults};
use super::overrides::{Origin, Override};
use crate::policy::forward::is_of_gateway;

/// A duration, zero included.
pub(super) struct Span(pub(super) Duration);

/// A duration that is not zero.
pub(super) struct Positive(pub(super) Duration);

/// A number of bytes, not zero.
pub(super) struct Size(pub(super) usize);

/// A URI to which a fragment can be added.
pub(super) struct TypeBase(pub(super) String);

/// A number that is not zero.
pub(super) struct Count(pub(super) NonZeroUsize);

/// A text, or a list of texts.
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<Spanned<String>>),
}

/// A text with where it came from.
#[derive(Clone)]
pub(super) struct Given {
    text: String,
    span: Option<Range<usize>>,
    /// What it was, if not the file.
    origin: Option<Origin>,
}

/// A field that only the gateway writes; `such_as` is one that may be.
pub(super) fn field(given: &Spanned<String>, such_as: &str) -> Result<HeaderName, Fault> {
    let text = given.as_ref();
    let wrong = |why: String| Fault::new(Some(given.span()), why);
    match HeaderName::try_from(text) {
        Err(_) => Err(wrong(format!("`{text}` is no field name"))),
        Ok(name) if is_of_gateway(&name) => Err(wrong(format!(
            "`{text}` has a meaning of its own: take a field such as `{such_as}`"
        ))),
        Ok(name) => Ok(name),
    }
}

impl Given {
    pub(super) fn new(text: String, span: Range<usize>) -> Self {
        let span = Some(span);
        Self {
            text,
            span,
            origin: None,
        }
    }

    /// A default: it stands nowhere.
    pub(super) fn unwritten(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            span: None,
            origin: None,
        }
    }

    pub(super) fn outside(text: &str, origin: Origin) -> Self {
        Self {
            text: text.to_owned(),
            span: None,
            origin: Some(origin),
        }
    }

    /// Where it stands, if in the file.
    pub(super) fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn parse<T, E: fmt::Display>(
        &self,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, Fault> {
        parse(&self.text).map_err(|error| self.fault(error))
    }

    pub(super) fn fault(&self, error: impl fmt::Display) -> Fault {
        let Some(origin) = self.origin else {
            return Fault::new(self.span.clone(), error);
        };
        let error = error.to_string();
        let is_quoted = error.starts_with(&format!("`{}`", self.text));
        Fault::new(
            None,
            if is_quoted {
                format!("{}: {error}", origin.name())
            } else {
                format!("{origin}{}: {error}", self.text)
            },
        )
    }
}

/// The texts of a setting, `None` if it is not set; an empty list is an error.
pub(super) fn texts(
    raw: Option<Spanned<OneOrMany>>,
    name: &str,
    faults: &mut Faults,
) -> Option<Vec<Given>> {
    let raw = raw?;
    let span = raw.span();
    let texts = list(raw);
    if texts.is_empty() {
        let fault = Fault::new(Some(span), format!("`{name}` cannot be empty"));
        faults.push(fault.help("leave it out for its default"));
        return None;
    }
    Some(texts)
}

pub(super) fn list(raw: Spanned<OneOrMany>) -> Vec<Given> {
    let span = raw.span();
    match raw.into_inner() {
        OneOrMany::One(text) => vec![Given::new(text, span)],
        OneOrMany::Many(texts) => texts
            .into_iter()
            .map(|text| {
                let span = text.span();
                Given::new(text.into_inner(), span)
            })
            .collect(),
    }
}

/// The values that stand before those of the file.
pub(super) fn overriding(given: &Override) -> Vec<Given> {
    let texts = given.texts.iter();
    texts
        .map(|text| Given::outside(text, given.origin))
        .collect()
}

pub(super) fn or_default(given: Option<Span>, default: Duration) -> Duration {
    given.map_or(default, |span| span.0)
}

pub(super) fn or_default_positive(given: Option<Positive>, default: Duration) -> Duration {
    given.map_or(default, |span| span.0)
}

/// So that every deadline is one that a clock can show.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "a duration such as \"250ms\", \"2s\" or \"1m\"";
        deserializer.deserialize_any(TextVisitor(EXPECTED, |text: &str| {
            let duration = humantime::parse_duration(text);
            let duration = duration.map_err(|error| no_duration(text, EXPECTED, &error))?;
            if duration > LONGEST {
                return Err(format!("`{text}` is more than a year"));
            }
            Ok(Self(duration))
        }))
    }
}

/// Where in the text it stops being one is said by the mark below it well enough.
fn no_duration(text: &str, expected: &str, error: &humantime::DurationError) -> String {
    use humantime::DurationError::{
        Empty, InvalidCharacter, NumberExpected, NumberOverflow, UnknownUnit,
    };
    match error {
        NumberExpected(_) if text.trim_start().starts_with('-') => {
            format!("`{text}` is less than nothing: write {expected}")
        }
        NumberExpected(_) | InvalidCharacter(_) | Empty => format!("`{text}` is not {expected}"),
        UnknownUnit { .. } | NumberOverflow => format!("`{text}` is not {expected}: {error}"),
    }
}

impl<'de> Deserialize<'de> for Positive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Span(duration) = Span::deserialize(deserializer)?;
        if duration.is_zero() {
            return Err(Error::custom(
                "this cannot be zero: nothing would ever be in time",
            ));
        }
        Ok(Self(duration))
    }
}

impl<'de> Deserialize<'de> for TypeBase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor("a URI without fragment", |text: &str| {
            let is_uri = !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\".contains(&byte));
            let problem = || format!("`{text}` is not a URI to which a fragment can be added");
            is_uri.then(|| Self(text.to_owned())).ok_or_else(problem)
        }))
    }
}

/// A value that is written as a text only.
pub(super) struct TextVisitor<F>(pub(super) &'static str, pub(super) F);

impl<T, F: Fn(&str) -> Result<T, String>> Visitor<'_> for TextVisitor<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        let expected = self.0;
        Err(E::custom(format!(
            "`{number}` is a number: write {expected}"
        )))
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor;

impl Visitor<'_> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, at least 1")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Count, E> {
        let count = usize::try_from(number).ok().and_then(NonZeroUsize::new);
        count
            .map(Count)
            .ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }

    /// As TOML has a number that its own kind has no room for.
    fn visit_u64<E: Error>(self, number: u64) -> Result<Count, E> {
        Err(too_great(number))
    }

    fn visit_i128<E: Error>(self, number: i128) -> Result<Count, E> {
        Err(too_great(number))
    }

    fn visit_u128<E: Error>(self, number: u128) -> Result<Count, E> {
        Err(too_great(number))
    }
}

fn too_great<E: Error>(number: impl fmt::Display) -> E {
    E::custom(format!(
        "`{number}` is more than can be counted: at most {}",
        i64::MAX
    ))
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size such as \"64KiB\", or a number of bytes, more than 0")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
        let size: bytesize::ByteSize = text
            .parse()
            .map_err(|_ignored| E::invalid_value(Unexpected::Str(text), &self))?;
        self.visit_u64(size.as_u64())
    }

    fn visit_i64<E: Error>(self, bytes: i64) -> Result<Size, E> {
        let Ok(bytes) = u64::try_from(bytes) else {
            return Err(E::invalid_value(Unexpected::Signed(bytes), &self));
        };
        self.visit_u64(bytes)
    }

    fn visit_u64<E: Error>(self, bytes: u64) -> Result<Size, E> {
        match usize::try_from(bytes) {
            Ok(size) if size > 0 => Ok(Size(size)),
            Ok(_) | Err(_) => Err(E::invalid_value(Unexpected::Unsigned(bytes), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}

struct OneOrManyVisitor;

impl<'de> Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany, E> {
        Ok(OneOrMany::One(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(OneOrMany::Many(texts))
    }
}
