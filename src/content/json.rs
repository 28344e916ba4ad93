//! The values of a JSON document at the places that are wanted, in one pass and without a tree of the rest.
//!
//! Invariants:
//! - The whole document is read and checked, also where nothing is wanted: a name that stands twice, anywhere, leaves open
//!   what it says (RFC 8259 §4).
//! - What is kept on the way are the names of the objects that are open, and what was found.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

use super::number;
use crate::policy::content::{NoValue, Values};
use crate::policy::wanted::Place;

/// Less than serde_json goes, so that we can say what is wrong.
const DEPTH: usize = 100;

/// Names of one object that are compared one by one.
const FEW: usize = 8;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

pub(super) fn values(text: &[u8], root: &Place) -> Result<Values, NoValue> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut walk = Walk::default();
    let mut reader = serde_json::Deserializer::from_slice(text);
    let element = Element {
        walk: &mut walk,
        places: Places::from_slice(&[root]),
        depth: 0,
    };
    let read = element.deserialize(&mut reader).and_then(|()| reader.end());
    match (read, walk.fault) {
        (Ok(()), _) => Ok(walk.values),
        (Err(_), Some(fault)) => Err(fault),
        (Err(error), None) => Err(NoValue::NotJson {
            line: error.line(),
            column: error.column(),
        }),
    }
}

/// The places that one value stands at: by its index and as one of all.
type Places<'p> = SmallVec<[&'p Place; 2]>;

#[derive(Default)]
struct Walk {
    values: Values,
    fault: Option<NoValue>,
}

/// A value that is about to be read.
struct Element<'w, 'p> {
    walk: &'w mut Walk,
    places: Places<'p>,
    depth: usize,
}

impl Walk {
    fn fail<E: Error>(&mut self, why: NoValue) -> E {
        let error = E::custom(&why);
        self.fault = Some(why);
        error
    }
}

impl Element<'_, '_> {
    fn found(self, value: &str) {
        for end in self.places.iter().flat_map(|place| place.ends()) {
            self.walk.values.add(end, value);
        }
    }

    fn is_wanted(&self) -> bool {
        !self.places.is_empty()
    }

    fn deeper<E: Error>(&mut self) -> Result<usize, E> {
        if self.depth == DEPTH {
            return Err(self.walk.fail(NoValue::TooDeep { limit: DEPTH }));
        }
        Ok(self.depth + 1)
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de, 'p> Visitor<'de> for Element<'_, 'p> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.found(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        if self.is_wanted() {
            self.found(&value.to_string());
        }
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        if self.is_wanted() {
            self.found(&value.to_string());
        }
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        if self.is_wanted() {
            self.found(&number::of_double(value));
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        if self.is_wanted() {
            self.found(&number::of_text(value));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        let depth = self.deeper()?;
        let mut index = 0;
        loop {
            let places = self.places.iter().flat_map(|place| place.element(index));
            let element = Element {
                places: places.collect(),
                walk: &mut *self.walk,
                depth,
            };
            if elements.next_element_seed(element)?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let depth = self.deeper()?;
        let mut names = Names::default();
        let mut met = Places::new();
        while let Some(name) = members.next_key_seed(Name)? {
            let below = self.places.iter().filter_map(|place| place.member(&name));
            let places: Places<'p> = below.collect();
            // Of two names that differ in case, some take the one for the other.
            let is_met = |place: &&Place| met.iter().any(|met| std::ptr::eq(*met, *place));
            if places.iter().any(is_met) || !names.insert(name.clone()) {
                return Err(self.walk.fail(NoValue::Twice(name.into_owned())));
            }
            met.extend_from_slice(&places);
            members.next_value_seed(Element {
                walk: &mut *self.walk,
                places,
                depth,
            })?;
        }
        Ok(())
    }
}

/// The names of an object so far.
#[derive(Default)]
struct Names<'de> {
    few: SmallVec<[Cow<'de, str>; FEW]>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    /// Whether it is a new one.
    fn insert(&mut self, name: Cow<'de, str>) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(name);
        }
        if self.few.contains(&name) {
            return false;
        }
        if self.few.len() == FEW {
            self.many.extend(self.few.drain(..));
            return self.many.insert(name);
        }
        self.few.push(name);
        true
    }
}

/// The name of a member: as it stands in the document, or without its escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
