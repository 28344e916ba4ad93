//! Names out of a log, none of which takes much memory: it may have targets as long as a line may be.
//!
//! One that is longer than [`LIMIT`] keeps its begin, and a digest of 128 bits stands for the rest: two that are told apart
//! by nothing else are taken for one only where both halves of it agree. What is audited may be that; a gateway compares
//! keys byte by byte.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The most bytes of a name.
pub(crate) const LIMIT: usize = 256;

/// How many of them are the begin of a longer one: the rest is `…#` and 32 digits.
const BEGIN: usize = LIMIT - 36;

/// The name, or what stands for one that is too long.
pub(crate) fn bounded(name: &str) -> Cow<'_, str> {
    if name.len() <= LIMIT {
        return Cow::Borrowed(name);
    }
    let half = |which: u8| {
        // Without a key of its own, so that one name stands for one resource in every run.
        let mut hasher = DefaultHasher::new();
        which.hash(&mut hasher);
        name.hash(&mut hasher);
        hasher.finish()
    };
    let mut places = name.char_indices().map(|(at, _)| at);
    let end = places.rfind(|at| *at <= BEGIN).unwrap_or(0);
    let begin = &name[..end];
    Cow::Owned(format!("{begin}…#{:016x}{:016x}", half(0), half(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_off_and_told_apart_from_others() {
        let exact = "x".repeat(LIMIT);
        assert_eq!(bounded(&exact), exact);
        let long = |end: &str| format!("/é{}{end}", "é".repeat(LIMIT));
        let (one, other) = (long("1"), long("2"));
        let [one, other] = [&one, &other].map(|name| bounded(name));
        assert!(one.len() <= LIMIT && one.starts_with("/éé"), "{one}");
        assert_ne!(one, other);
        assert_eq!(one, bounded(&long("1")));
    }
}
