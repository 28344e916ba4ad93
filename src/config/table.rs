//! Which settings each table of a configuration has, as the code that reads them says.

use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use super::raw::{RawAnswers, RawGuard, RawRoute, RawServer, RawUpstream};

/// The tables that have a setting of this name, as they are written; empty if none has.
pub(super) fn tables_with(name: &str) -> Vec<&'static str> {
    let tables = [
        ("`[server]`", settings::<RawServer>()),
        ("`[upstream]`", settings::<RawUpstream>()),
        ("`[answers]`", settings::<RawAnswers>()),
        ("`[guard]`", settings::<RawGuard>()),
        ("a `[[route]]`", settings::<RawRoute>()),
    ];
    let having = tables.iter().filter(|(_, known)| known.contains(&name));
    having.map(|(table, _)| *table).collect()
}

/// The names of the fields of a struct.
fn settings<T: Deserialize<'static>>() -> &'static [&'static str] {
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
