//! `on_conflict`: one of two names, or how a write waits.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::choice::no_choice;
use super::value::{Count, Positive};
use crate::policy::{OnConflict, Patience};

/// `on_conflict`
pub(super) struct Conflict(pub(super) OnConflict);

/// How many may wait for one key where it is not said.
const WAITERS: usize = 16;

const NAMES: &str = "\"reject\" or \"observe\"";
const SETTINGS: &str = "\"wait\" or \"waiters\"";

impl<'de> Deserialize<'de> for Conflict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConflictVisitor)
    }
}

struct ConflictVisitor;

impl<'de> Visitor<'de> for ConflictVisitor {
    type Value = Conflict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAMES}, or a table as in {{ wait = \"2s\" }}")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Conflict, E> {
        match text {
            "reject" => Ok(Conflict(OnConflict::Reject)),
            "observe" => Ok(Conflict(OnConflict::Observe)),
            "wait" => Err(E::custom(
                "`wait` needs a time: write `on_conflict = { wait = \"2s\" }`",
            )),
            _ => Err(E::custom(no_choice(text, NAMES))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Conflict, A::Error> {
        let (mut wait, mut waiters) = (None, WAITERS);
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "wait" => wait = Some(map.next_value::<Positive>()?.0),
                "waiters" => waiters = map.next_value::<Count>()?.0.get(),
                unknown => {
                    map.next_value::<IgnoredAny>()?;
                    return Err(Error::custom(no_choice(unknown, SETTINGS)));
                }
            }
        }
        let wait = wait.ok_or_else(|| {
            Error::custom("how long does a write wait? Write it, as in `{ wait = \"2s\" }`")
        })?;
        Ok(Conflict(OnConflict::Wait(Patience { wait, waiters })))
    }
}
