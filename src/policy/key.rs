//! A resource key, and what it takes to have none.
//!
//! A key is compared byte by byte. What a log or an answer shows of it is [`Key::shown`], never the bytes themselves:
//! where a key carries a credential, a digest stands in its place.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use smallvec::SmallVec;
use triomphe::{Arc, ThinArc};

use super::content::NoValue;
use super::mode::Mode;
use short::Short;

mod placed;
mod short;

pub use placed::{Placed, Spot};

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
        let mut locks = Locks::new();
        Self::add(&mut locks, key, mode, scope);
        locks
    }

    /// Adds the same to what is asked for.
    pub(super) fn add(locks: &mut Locks, key: Key, mode: Mode, scope: Scope) {
        match scope {
            Scope::Key => locks.push(Self { key, mode }),
            Scope::Subtree => key.add_line(mode, locks),
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

/// The canonical name of what a write changes. Cheap to clone: a short one stands in it, and a longer one is shared, with the
/// keys above it, too.
#[derive(Clone)]
pub struct Key(Text);

/// What is no short text is known by the one value that the last word of these does not have, so that it takes no more room; there is one such
/// value, so that whatever is long is one case.
#[derive(Clone)]
enum Text {
    Short(Short),
    Long(Long),
}

#[derive(Clone)]
enum Long {
    /// What stands before `end`.
    Shared {
        end: usize,
        text: ThinArc<(), u8>,
    },
    Concealed(Arc<Concealed>),
}

struct Concealed {
    text: Box<str>,
    shown: String,
}

impl Key {
    /// A key that may be shown as it is.
    pub fn new(text: impl AsRef<str>) -> Self {
        let text = text.as_ref().as_bytes();
        let long = || Long::Shared {
            end: text.len(),
            text: ThinArc::from_header_and_slice((), text),
        };
        Self(Short::new(text).map_or_else(|| Text::Long(long()), Text::Short))
    }

    /// A key that carries a credential, with what stands for it where it is shown.
    pub fn concealed(text: impl Into<Box<str>>, shown: impl Into<String>) -> Self {
        let (text, shown) = (text.into(), shown.into());
        let concealed = Arc::new(Concealed { text, shown });
        Self(Text::Long(Long::Concealed(concealed)))
    }

    /// The key itself: to compare, never to show or to log.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Short(short) => short.text(),
            Text::Long(Long::Shared { end, text }) => &text.slice[..*end],
            Text::Long(Long::Concealed(concealed)) => concealed.text.as_bytes(),
        }
    }

    /// The same as text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Short(_) | Text::Long(Long::Shared { .. }) => text(self.as_bytes()),
            Text::Long(Long::Concealed(concealed)) => &concealed.text,
        }
    }

    /// Whether what is shown of it stands for a credential.
    pub const fn is_concealed(&self) -> bool {
        matches!(self.0, Text::Long(Long::Concealed(_)))
    }

    /// Whether the other stands below it, level by level.
    pub fn is_above(&self, other: &Self) -> bool {
        let (own, below) = (self.as_bytes(), other.as_bytes());
        let rest = below.strip_prefix(own);
        rest.is_some_and(|rest| !rest.is_empty() && (rest.starts_with(b"/") || own == b"/"))
    }

    /// Adds the keys above it, each with the intention, and itself with `mode`.
    fn add_line(self, mode: Mode, locks: &mut Locks) {
        let most = locks.len() + DEPTH_LIMIT;
        let length = self.as_bytes().len();
        let ends = memchr::memchr_iter(b'/', self.as_bytes());
        // The root of a path is its slash.
        for end in ends.map(|end| end.max(1)).filter(|end| *end < length) {
            let key = self.above(end);
            if locks.len() + 1 == most {
                return locks.push(Lock { key, mode });
            }
            locks.push(Lock {
                key,
                mode: mode.intention(),
            });
        }
        locks.push(Lock { key: self, mode });
    }

    /// The key above it that ends here.
    fn above(&self, end: usize) -> Self {
        match &self.0 {
            Text::Short(short) => Self(Text::Short(short.before(end))),
            Text::Long(Long::Shared { text, .. }) => match Short::new(&text.slice[..end]) {
                Some(short) => Self(Text::Short(short)),
                None => Self(Text::Long(Long::Shared {
                    end,
                    text: text.clone(),
                })),
            },
            Text::Long(Long::Concealed(concealed)) => concealed.above(end),
        }
    }

    /// The bytes of what may be shown.
    pub fn shown_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Long(Long::Concealed(concealed)) => concealed.shown.as_bytes(),
            Text::Short(_) | Text::Long(Long::Shared { .. }) => self.as_bytes(),
        }
    }

    /// The key as it may be shown and logged.
    pub fn shown(&self) -> &str {
        match &self.0 {
            Text::Long(Long::Concealed(concealed)) => &concealed.shown,
            Text::Short(_) | Text::Long(Long::Shared { .. }) => self.as_str(),
        }
    }
}

impl Concealed {
    fn above(&self, end: usize) -> Key {
        // A digest takes the place of a part, and has no slash: level for level they are alike.
        let level = memchr::memchr_iter(b'/', &self.text.as_bytes()[1..end]).count();
        let mut ends = memchr::memchr_iter(b'/', &self.shown.as_bytes()[1..]).skip(level);
        let shown = ends.next().map_or(self.shown.len(), |end| end + 1);
        Key::concealed(&self.text[..end], &self.shown[..shown])
    }
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("a key is made of text, and ends where a level of it does")
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Text::Short(short), Text::Short(other)) => short == other,
            _ => self.as_bytes() == other.as_bytes(),
        }
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.as_bytes());
        // As after text: no key goes on into what is hashed next.
        state.write_u8(0xff);
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
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
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    #[test]
    fn a_concealed_key_is_compared_by_its_bytes_and_shown_by_its_digest() {
        let key = Key::concealed("session:secret", "session:<8f>");
        assert_eq!(key, Key::new("session:secret"));
        assert_ne!(key, Key::concealed("session:other", "session:<8f>"));
        assert_eq!(key.shown(), "session:<8f>");
        assert!(!format!("{key:?}").contains("secret"));
    }

    #[test]
    fn a_key_is_its_bytes_whether_it_stands_in_itself_or_is_shared() {
        let hashes = RandomState::new();
        for length in [
            0,
            1,
            Short::MOST - 1,
            Short::MOST,
            Short::MOST + 1,
            3 * Short::MOST,
        ] {
            let text = "é".repeat(length / 2) + &"x".repeat(length % 2);
            let (key, other) = (Key::new(text.as_str()), format!("{text}x"));
            assert_eq!((key.as_str(), key.as_bytes()), (&*text, text.as_bytes()));
            let concealed = Key::concealed(&*text, "");
            assert_eq!(key, concealed);
            assert_eq!(key.cmp(&concealed), Ordering::Equal);
            assert_eq!(hashes.hash_one(&key), hashes.hash_one(&concealed));
            assert_ne!(key, Key::new(other.as_str()));
            assert!(key < Key::new(other));
        }
        // A zero is no filling.
        assert_ne!(Key::new("a"), Key::new("a\0"));
        assert_eq!(size_of::<Key>(), 24, "what a hold costs");
    }

    #[test]
    fn the_keys_above_are_the_same_whether_they_are_short_or_long() {
        let names = |text: &str| -> Vec<String> {
            let line = Lock::on(Key::new(text), Mode::Exclusive, Scope::Subtree);
            line.iter()
                .map(|lock| lock.key.as_str().to_owned())
                .collect()
        };
        assert_eq!(names("/a/b"), ["/", "/a", "/a/b"]);
        let (long, deep) = (
            format!("/{}", "a".repeat(30)),
            "/b/".to_owned() + &"c".repeat(30),
        );
        let (below, lowest) = (format!("{long}/b"), format!("{long}/b/c"));
        assert_eq!(names(&lowest), ["/", &*long, &*below, &*lowest]);
        assert_eq!(names(&deep), ["/", "/b", &*deep]);
        let (above, same) = (Key::new(&*long), Key::new(&*below));
        let line = Lock::on(Key::new(lowest), Mode::Exclusive, Scope::Subtree);
        assert_eq!((&line[1].key, &line[2].key), (&above, &same));
        let hashes = RandomState::new();
        assert_eq!(hashes.hash_one(&line[1].key), hashes.hash_one(&above));
    }

    #[test]
    fn each_of_several_keys_is_told_apart_as_deep_as_one() {
        let mut locks = Locks::new();
        for top in ["/x", "/y"] {
            let deep = Key::new(top.to_owned() + &"/a".repeat(DEPTH_LIMIT));
            Lock::add(&mut locks, deep, Mode::Exclusive, Scope::Subtree);
        }
        assert_eq!(locks.len(), 2 * DEPTH_LIMIT);
        for line in locks.chunks(DEPTH_LIMIT) {
            let announced = line.iter().filter(|lock| lock.mode.is_intention());
            assert_eq!(announced.count(), DEPTH_LIMIT - 1);
            assert_eq!(line[DEPTH_LIMIT - 1].mode, Mode::Exclusive);
        }
    }
}
