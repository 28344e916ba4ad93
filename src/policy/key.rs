//! A resource key, and what it takes to have none.
//!
//! A key is compared byte by byte. What a log or an answer shows of it is [`Key::shown`], never the bytes themselves:
//! where a key carries a credential, a digest stands in its place.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use super::content::NoValue;
use super::mode::Mode;

/// The most keys that one request may claim.
pub const KEY_LIMIT: usize = 64;

/// The most levels that a key is told apart by where what stands below another meets it: what is deeper is one with the key
/// at this level, so that no target makes a claim long.
pub const DEPTH_LIMIT: usize = 32;

/// Some keys, at most [`KEY_LIMIT`].
pub type Keys = SmallVec<[Key; 1]>;

/// What a claim asks of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The key.
    pub key: Key,
    /// How it is asked for.
    pub mode: Mode,
}

/// What a claim asks for, all of it or nothing: sorted by key, no two of one key.
pub type Locks = SmallVec<[Lock; 1]>;

/// What a claim covers beside its keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Nothing.
    #[default]
    Key,
    /// What stands below them, as paths do: each level ends before a `/`.
    Subtree,
}

/// The keys that a claim is about, without those on which it only announces itself.
pub fn named<'a>(locks: impl IntoIterator<Item = &'a Lock>) -> impl Iterator<Item = &'a Key> {
    let named = locks.into_iter().filter(|lock| !lock.mode.is_intention());
    named.map(|lock| &lock.key)
}

impl Lock {
    /// What is asked for with this key in this mode, with the keys above it where their claims have to be met.
    pub fn on(key: Key, mode: Mode, scope: Scope) -> Locks {
        match scope {
            Scope::Key => Locks::from([Self { key, mode }]),
            Scope::Subtree => key.line(mode),
        }
    }

    /// Sorted by key, and of one key the join of what is asked.
    pub fn merged(mut locks: Locks) -> Locks {
        locks.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        locks.dedup_by(|next, kept| {
            let is_same = next.key == kept.key;
            if is_same {
                kept.mode = kept.mode.join(next.mode);
            }
            is_same
        });
        locks
    }
}

/// The canonical name of what a write changes. Cheap to clone: what it is made of is shared, with the keys above it, too.
#[derive(Clone)]
pub struct Key {
    text: Arc<str>,
    /// Where it ends in the text.
    end: usize,
    shown: Option<Arc<String>>,
}

impl Key {
    /// A key that may be shown as it is.
    pub fn new(bytes: impl Into<Arc<str>>) -> Self {
        let text = bytes.into();
        Self {
            end: text.len(),
            text,
            shown: None,
        }
    }

    /// A key that carries a credential, with what stands for it where it is shown.
    pub fn concealed(bytes: impl Into<Arc<str>>, shown: impl Into<String>) -> Self {
        Self {
            shown: Some(Arc::new(shown.into())),
            ..Self::new(bytes)
        }
    }

    /// The key itself: to compare, never to show or to log.
    pub fn as_str(&self) -> &str {
        &self.text[..self.end]
    }

    /// Whether what is shown of it stands for a credential.
    pub fn is_concealed(&self) -> bool {
        self.shown.is_some()
    }

    /// Whether the other stands below it, level by level.
    pub fn is_above(&self, other: &Self) -> bool {
        let (own, below) = (self.as_str(), other.as_str());
        let rest = below.strip_prefix(own);
        rest.is_some_and(|rest| !rest.is_empty() && (rest.starts_with('/') || own == "/"))
    }

    /// The keys above it, each with the intention, and itself with `mode`.
    fn line(self, mode: Mode) -> Locks {
        let mut locks = Locks::new();
        let text = Arc::clone(&self.text);
        let ends = memchr::memchr_iter(b'/', text[..self.end].as_bytes());
        // The root of a path is its slash.
        for end in ends.map(|end| end.max(1)).filter(|end| *end < self.end) {
            let key = self.above(end);
            if locks.len() + 1 == DEPTH_LIMIT {
                locks.push(Lock { key, mode });
                return locks;
            }
            locks.push(Lock {
                key,
                mode: mode.intention(),
            });
        }
        locks.push(Lock { key: self, mode });
        locks
    }

    /// The key above it that ends here.
    fn above(&self, end: usize) -> Self {
        let shown = self.shown.as_deref().map(|shown| {
            // A digest takes the place of a part, and has no slash: level for level they are alike.
            let level = memchr::memchr_iter(b'/', &self.text.as_bytes()[1..end]).count();
            let mut ends = memchr::memchr_iter(b'/', &shown.as_bytes()[1..]).skip(level);
            let end = ends.next().map_or(shown.len(), |end| end + 1);
            Arc::new(shown[..end].to_owned())
        });
        Self {
            text: Arc::clone(&self.text),
            end,
            shown,
        }
    }

    /// The key as it may be shown and logged.
    pub fn shown(&self) -> &str {
        self.shown
            .as_deref()
            .map_or_else(|| self.as_str(), String::as_str)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
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
