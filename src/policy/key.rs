//! A resource key, and what it takes to have none.
//!
//! A key is compared byte by byte. What a log or an answer shows of it is [`Key::shown`], never the bytes themselves:
//! where a key carries a credential, a digest stands in its place.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use smallvec::SmallVec;

use super::content::NoValue;

/// The most keys that one request may claim.
pub const KEY_LIMIT: usize = 64;

/// The keys of one claim: sorted by bytes, no two equal, at most [`KEY_LIMIT`].
pub type Keys = SmallVec<[Key; 1]>;

/// The canonical name of what a write changes.
#[derive(Clone)]
pub struct Key {
    bytes: Box<str>,
    shown: Option<Box<str>>,
}

impl Key {
    /// A key that may be shown as it is.
    pub fn new(bytes: impl Into<Box<str>>) -> Self {
        Self {
            bytes: bytes.into(),
            shown: None,
        }
    }

    /// A key that carries a credential, with what stands for it where it is shown.
    pub fn concealed(bytes: impl Into<Box<str>>, shown: impl Into<Box<str>>) -> Self {
        Self {
            bytes: bytes.into(),
            shown: Some(shown.into()),
        }
    }

    /// The key itself: to compare, never to show or to log.
    pub fn as_str(&self) -> &str {
        &self.bytes
    }

    /// Whether what is shown of it stands for a credential.
    pub fn is_concealed(&self) -> bool {
        self.shown.is_some()
    }

    /// The key as it may be shown and logged.
    pub fn shown(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.bytes)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.shown())
    }
}

/// What happens to a write that meets a hold on one of its keys. The stronger mode is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// It is forwarded all the same; the overlap is only counted.
    Observed,
    /// It is refused.
    Exclusive,
}

/// What is done where a source of a key template finds no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMissingKey {
    /// The request is refused.
    Reject,
    /// The canonical path takes the place of the template's key.
    Path,
    /// The template gives no key; a write without any is forwarded unguarded.
    Forward,
}

/// Why a request's keys cannot be told: it is refused with 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A source found no value, and the route says `on_missing_key = "reject"`.
    #[error("the request has no value for {source_text}, which its resource key is made of{}", because(.why.as_ref()))]
    Missing {
        /// The source as it stands in the template, braces and all.
        source_text: String,
        /// What is the matter with the body, if it is made of that.
        why: Option<NoValue>,
    },
    /// The values of the sources make more keys than one request may claim.
    #[error("the request names more than {limit} resource keys")]
    TooMany {
        /// [`KEY_LIMIT`].
        limit: usize,
    },
    /// Where a `MOVE` or `COPY` goes cannot be told (RFC 4918 §10.3).
    #[error("its Destination is neither an absolute URI nor an absolute path")]
    Destination,
    /// More different method overrides than can be honest.
    #[error("the request overrides its method in more than {limit} ways")]
    TooManyMethods {
        /// [`METHOD_LIMIT`](super::method::METHOD_LIMIT).
        limit: usize,
    },
}

fn because(why: Option<&NoValue>) -> String {
    why.map(|why| format!(": {why}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_concealed_key_is_compared_by_its_bytes_and_shown_by_its_digest() {
        let key = Key::concealed("session:secret", "session:<8f>");
        assert_eq!(key, Key::new("session:secret"));
        assert_ne!(key, Key::concealed("session:other", "session:<8f>"));
        assert_eq!(key.shown(), "session:<8f>");
        assert!(!format!("{key:?}").contains("secret"));
    }
}
