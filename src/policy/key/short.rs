//! A short text that stands where it is, in whole words.
//!
//! A processor waits where something is read in larger pieces, or in others, than it was written in just before. A key is moved from hand to
//! hand, and each time it is read and written in words, so that it comes about in words.

use std::num::NonZeroU64;

use zerocopy::{Immutable, IntoBytes};

/// A text of at most [`Self::MOST`] bytes, filled up with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Immutable, IntoBytes)]
#[repr(C)]
pub(super) struct Short {
    first: u64,
    second: u64,
    /// The last seven bytes, and behind them how many there are in all, and one: it is never zero.
    last: NonZeroU64,
}

impl Short {
    /// The longest.
    pub(super) const MOST: usize = 23;

    /// None where it is too long.
    #[inline]
    pub(super) fn new(text: &[u8]) -> Option<Self> {
        let count = (text.len() <= Self::MOST).then_some(text.len() as u64)?;
        let word = |from| text.get(from..).map_or(0, word);
        let last = word(16) | (count + 1) << 56;
        Some(Self {
            first: word(0).to_le(),
            second: word(8).to_le(),
            last: NonZeroU64::new(last.to_le())?,
        })
    }

    /// What of it stands before `end`.
    pub(super) fn before(&self, end: usize) -> Self {
        Self::new(&self.text()[..end]).expect("a part is no longer than the whole")
    }

    #[inline]
    pub(super) fn text(&self) -> &[u8] {
        let count = (u64::from_le(self.last.get()) >> 56) - 1;
        &self.as_bytes()[..count as usize]
    }
}

/// The first eight bytes of a text, the first of them the lowest, and zeros where it has fewer.
#[inline]
fn word(text: &[u8]) -> u64 {
    if let Some(eight) = text.first_chunk() {
        return u64::from_le_bytes(*eight);
    }
    // Two pieces that may have a part in common, which is the same in both.
    let at = |byte: usize| 8 * byte as u32;
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let [first, last] = [first, last].map(|four| u64::from(u32::from_le_bytes(*four)));
        return first | last << at(text.len() - 4);
    }
    let (Some(first), Some(last)) = (text.first(), text.last()) else {
        return 0;
    };
    let (middle, end) = (text.len() / 2, text.len() - 1);
    u64::from(*first) | u64::from(text[middle]) << at(middle) | u64::from(*last) << at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_itself_and_no_other() {
        let all: Vec<u8> = (1..=Short::MOST as u8 + 1).collect();
        let shorts: Vec<_> = (0..=all.len())
            .map(|count| Short::new(&all[..count]))
            .collect();
        for (count, short) in shorts.iter().enumerate() {
            assert_eq!(short.is_none(), count > Short::MOST, "{count}");
            if let Some(short) = short {
                assert_eq!(short.text(), &all[..count]);
                assert_eq!(
                    shorts
                        .iter()
                        .flatten()
                        .filter(|other| *other == short)
                        .count(),
                    1
                );
            }
        }
        // A zero is no filling.
        assert_ne!(Short::new(b"a"), Short::new(b"a\0"));
    }
}
