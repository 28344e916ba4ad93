//! Where a head ends in the bytes of a connection, and what is kept of one that comes in pieces.
//!
//! Invariant: what is kept is bounded by the limit of a head.

use std::sync::LazyLock;

use bytes::{Buf, Bytes};
use memchr::{memchr, memmem};

/// A head up to this length is copied out of what comes behind it: to share the memory of both costs more than that.
const COPIED: usize = 1024;

/// What was made of the bytes that have come.
pub(super) enum Gathered {
    /// A head, taken off their front together with what was kept of it.
    Whole(Bytes),
    /// All of them, and the head has not ended.
    Begun {
        head: Vec<u8>,
        /// Whether its first line was not whole before.
        is_line_new: bool,
    },
    /// It has not ended within the limit.
    TooLarge,
}

/// Takes a head off the front of `bytes`, of which `seen` came before.
pub(super) fn gather(mut seen: Vec<u8>, bytes: &mut Bytes, limit: usize) -> Gathered {
    let before = seen.len();
    if before == 0
        && let Some(end) = head_end(bytes, 0)
    {
        return Gathered::Whole(take(bytes, end));
    }
    seen.extend_from_slice(&bytes[..bytes.len().min(limit + 1 - before)]);
    // The end may straddle the two parts by up to three bytes.
    if let Some(end) = head_end(&seen, before.saturating_sub(3)) {
        bytes.advance(end - before);
        seen.truncate(end);
        return Gathered::Whole(seen.into());
    }
    if seen.len() > limit {
        return Gathered::TooLarge;
    }
    bytes.clear();
    Gathered::Begun {
        is_line_new: memchr(b'\n', &seen[..before]).is_none(),
        head: seen,
    }
}

/// Takes a head of this length off the front.
fn take(bytes: &mut Bytes, end: usize) -> Bytes {
    if end > COPIED || end == bytes.len() {
        return bytes.split_to(end);
    }
    let head = Bytes::copy_from_slice(&bytes[..end]);
    bytes.advance(end);
    head
}

/// The empty line that ends a head, and the end of the line before.
static EMPTY_LINE: LazyLock<memmem::Finder<'_>> = LazyLock::new(|| memmem::Finder::new(b"\n\r\n"));

/// Where the empty line that ends a head ends, if it ends at or after `from`. A line that ends with
/// a bare LF counts as a line here: that it is refused is for the check to say.
fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    // What comes before may have lines with other ends. It is refused for these, wherever it ends.
    if let Some(at) = EMPTY_LINE.find(&bytes[from..]) {
        return Some(from + at + EMPTY_LINE.needle().len());
    }
    let mut at = from;
    while let Some(lf) = memchr(b'\n', &bytes[at..]) {
        let next = at + lf + 1;
        match &bytes[next..] {
            [b'\n', ..] => return Some(next + 1),
            [b'\r', b'\n', ..] => return Some(next + 2),
            _ => at = next,
        }
    }
    None
}
