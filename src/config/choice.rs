//! Settings that are one of a few names, and how an error tells all of them.

use std::fmt;

use serde::Deserialize;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::de::{Deserializer, Error, IntoDeserializer, Unexpected, Visitor};

use super::name::nearest;
use super::raw::{RawDuplicate, RawMode, RawPost, RawReads};
use super::value::TextVisitor;
use super::{Disclose, Forwarding, Protocol};
use crate::policy::rejection::ConflictStatus;
use crate::policy::{Mode, OnDuplicate, OnMissingKey, Scope};
use crate::tls::{Demand, Oldest};

/// One of a few names.
pub(super) struct Named<T>(pub(super) T);

/// What is written as one of a few names.
pub(super) trait Names {
    /// All of them, as they are written.
    const EXPECTED: &'static str;
}

/// `status`
pub(super) struct Status(pub(super) ConflictStatus);

/// `on_missing_key`
pub(super) struct Missing(pub(super) OnMissingKey);

impl Names for RawPost {
    const EXPECTED: &'static str = "\"observe\", \"guard\" or \"forward\"";
}

impl Names for RawMode {
    const EXPECTED: &'static str = "\"exclusive\" or \"shared\"";
}

impl Names for RawDuplicate {
    const EXPECTED: &'static str = "\"conflict\" or \"join\"";
}

impl Names for RawReads {
    const EXPECTED: &'static str = "\"shared\" or \"forward\"";
}

impl Names for Scope {
    const EXPECTED: &'static str = "\"key\" or \"subtree\"";
}

impl Names for Forwarding {
    const EXPECTED: &'static str = "\"append\", \"replace\" or \"off\"";
}

impl Names for Protocol {
    const EXPECTED: &'static str = "\"http/1.1\", \"h2\" or \"h2c\"";
}

impl Names for Demand {
    const EXPECTED: &'static str = "\"required\" or \"optional\"";
}

impl Names for Oldest {
    const EXPECTED: &'static str = "\"1.2\" or \"1.3\"";
}

impl Names for Disclose {
    const EXPECTED: &'static str = "\"holder\", \"key\" or \"none\"";
}

impl From<RawMode> for Mode {
    fn from(raw: RawMode) -> Self {
        match raw {
            RawMode::Exclusive => Self::Exclusive,
            RawMode::Shared => Self::Shared,
        }
    }
}

impl From<RawDuplicate> for OnDuplicate {
    fn from(raw: RawDuplicate) -> Self {
        match raw {
            RawDuplicate::Join => Self::Join,
            RawDuplicate::Conflict => Self::Conflict,
        }
    }
}

impl RawReads {
    pub(super) const fn are_shared(self) -> bool {
        matches!(self, Self::Shared)
    }
}

impl<'de, T: Names + Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named = |text: &str| {
            let text: StrDeserializer<'_, ValueError> = text.into_deserializer();
            let named = T::deserialize(text);
            named.map(Self).ok()
        };
        let named = |text: &str| named(text).ok_or_else(|| no_choice(text, T::EXPECTED));
        deserializer.deserialize_any(TextVisitor(T::EXPECTED, named))
    }
}

impl<'de> Deserialize<'de> for Missing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "\"reject\", \"path\" or \"forward\"";
        deserializer.deserialize_any(TextVisitor(EXPECTED, |text: &str| match text {
            "reject" => Ok(Self(OnMissingKey::Reject)),
            "path" => Ok(Self(OnMissingKey::Path)),
            "forward" => Ok(Self(OnMissingKey::Forward)),
            _ => Err(no_choice(text, EXPECTED)),
        }))
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StatusVisitor)
    }
}

struct StatusVisitor;

impl Visitor<'_> for StatusVisitor {
    type Value = Status;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = ConflictStatus::ALL.map(|status| status.code().as_str().to_owned());
        let (last, others) = numbers.split_last().expect("there are four");
        write!(f, "{} or {last}", others.join(", "))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Status, E> {
        let status = ConflictStatus::from_number(number);
        status
            .map(Status)
            .ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }
}

/// What is told of a name that is none of those `expected`, which stand in quotes.
pub(super) fn no_choice(text: &str, expected: &str) -> String {
    let names: Vec<&str> = expected.split('"').skip(1).step_by(2).collect();
    let near = nearest(text, &names);
    let near = near.map(|near| format!("; did you mean \"{near}\"?"));
    format!("`{text}` is not {expected}{}", near.unwrap_or_default())
}
