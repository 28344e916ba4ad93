//! One table of a configuration, read setting by setting, so that one that is wrong hides no other.
//!
//! A setting is wrong if its table cannot be read with it alone. What is left can be read together.

use std::ops::Range;

use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue, ValueDeserializer};

use super::fault::Fault;

/// A table as it was read.
#[derive(Default)]
pub(super) struct Read<T> {
    /// Its settings, each right by itself.
    pub(super) raw: T,
    /// Its heading; none if it is not there.
    pub(super) span: Option<Range<usize>>,
    /// The settings that were given and are wrong, so that nothing is said of their absence.
    wrong: Vec<String>,
}

impl<T> Read<T> {
    /// Whether some setting was given, but is wrong.
    pub(super) fn has_wrong_settings(&self) -> bool {
        !self.wrong.is_empty()
    }

    /// Takes note of a setting that was given where it cannot be read.
    pub(super) fn note_wrong(&mut self, name: &str) {
        self.wrong.push(name.to_owned());
    }

    /// Whether such a setting was given, but is wrong.
    pub(super) fn is_any_wrong(&self, is_such: impl Fn(&str) -> bool) -> bool {
        self.wrong.iter().any(|name| is_such(name))
    }

    /// Whether this setting was given, but is wrong.
    pub(super) fn is_wrong(&self, name: &str) -> bool {
        self.is_any_wrong(|wrong| wrong == name)
    }
}

type Key<'a> = Spanned<DeString<'a>>;
type Value<'a> = Spanned<DeValue<'a>>;

/// Reads a table, in which `unknown` says what is wrong with a name that it does not have.
pub(super) fn read<T: DeserializeOwned + Default>(
    table: DeTable<'_>,
    span: Range<usize>,
    faults: &mut Vec<Fault>,
    unknown: impl Fn(&str, Range<usize>, &DeValue<'_>) -> Fault,
) -> Read<T> {
    let known = settings::<T>();
    let mut right = DeTable::new();
    let mut wrong = Vec::new();
    for (name, value) in table {
        let found = if known.contains(&&**name.get_ref()) {
            faults_of::<T>(&name, &value)
        } else {
            vec![unknown(name.get_ref(), name.span(), value.get_ref())]
        };
        if found.is_empty() {
            right.insert(name, value);
        } else {
            faults.extend(found);
            wrong.push(name.into_inner().into_owned());
        }
    }
    let raw = match deserialize(right, span.clone()) {
        Ok(raw) => raw,
        Err(fault) => {
            faults.push(fault);
            T::default()
        }
    };
    let span = Some(span);
    Read { raw, span, wrong }
}

/// What is wrong with one setting; of a list, with each of its elements.
fn faults_of<T: DeserializeOwned>(name: &Key<'_>, value: &Value<'_>) -> Vec<Fault> {
    let alone = |value: Value<'_>| {
        let span = value.span();
        let table = DeTable::from_iter([(name.clone(), value)]);
        deserialize::<T>(table, span).err()
    };
    let Some(fault) = alone(value.clone()) else {
        return Vec::new();
    };
    let DeValue::Array(elements) = value.get_ref() else {
        return vec![fault];
    };
    let of_each = elements.iter().filter_map(|element| {
        let list = DeArray::from_iter([element.clone()]);
        alone(Spanned::new(value.span(), DeValue::Array(list)))
    });
    let of_each: Vec<Fault> = of_each.collect();
    if of_each.is_empty() {
        vec![fault]
    } else {
        of_each
    }
}

fn deserialize<T: DeserializeOwned>(table: DeTable<'_>, span: Range<usize>) -> Result<T, Fault> {
    let table = Spanned::new(span.clone(), DeValue::Table(table));
    T::deserialize(ValueDeserializer::from(table))
        .map_err(|error| Fault::new(Some(error.span().unwrap_or(span)), plain(error.message())))
}

/// What serde says of a value of another kind, as it would be said of what is written in the file.
fn plain(message: &str) -> String {
    let of = |kind: &str| message.strip_prefix(kind)?.rsplit_once(", expected ");
    let (found, expected, is_kind) = match (of("invalid type: "), of("invalid value: ")) {
        (Some((found, expected)), _) => (found, expected, true),
        (None, Some((found, expected))) => (found, expected, false),
        (None, None) => return message.to_owned(),
    };
    let expected = match expected {
        "a boolean" => "`true` or `false`, without quotes",
        "a string" => "a text in quotes",
        other => other,
    };
    let number = found
        .strip_prefix("integer ")
        .or(found.strip_prefix("floating point "));
    let text = found.strip_prefix("string ");
    let choice = found.strip_prefix("boolean ");
    let found = match (number, text, choice, found) {
        (Some(number), ..) if is_kind => format!("{number} is a number"),
        (Some(number), ..) => format!("{number} does not do"),
        (None, Some(text), ..) if is_kind => format!("`{text}` is a text"),
        (None, Some(text), ..) => format!("`{text}` does not do"),
        (None, None, Some(choice), _) => format!("{choice} is neither a text nor a number"),
        (None, None, None, "sequence") => "this is a list".to_owned(),
        (None, None, None, "map") => "this is a table".to_owned(),
        (None, None, None, other) => format!("this is {other}"),
    };
    format!("{found}: write {expected}")
}

/// The names of the fields of a struct.
pub(super) fn settings<T: Deserialize<'static>>() -> &'static [&'static str] {
    let mut known: &[&str] = &[];
    // It asks for its fields, and is given none.
    let _always = T::deserialize(Asked(&mut known));
    known
}

/// Takes note of which fields it is asked for.
struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(Error::custom("nothing is here"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("this is no struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
