//! Follows where requests begin and end in the bytes of one connection, and has each head checked.
//!
//! It looks at the same bytes that hyper is about to parse, in the same order, and finds the same
//! boundaries: what it cannot follow is refused, so that the two never disagree.
//!
//! Invariants:
//! - No byte of a head is let through before all of it has come and passed its check.
//! - What is kept of a head that came in pieces is bounded by the limits of a head.

use memchr::memchr;

use super::chunks::Chunks;
use crate::policy::head::{self, Framing, Limits, Malformed};

/// The most empty lines before a request line. One after a body is an old mistake of clients.
const EMPTY_LINE_LIMIT: u8 = 8;

/// Where in the succession of requests the next byte stands.
#[derive(Debug)]
enum At {
    /// Before a head, after so many empty lines, and perhaps the CR of another.
    Between {
        empty: u8,
        is_cr: bool,
    },
    /// In a head, of which so much has come.
    Head(Vec<u8>),
    /// In a body with so many octets to come.
    Body(u64),
    Chunks(Chunks),
    /// After a request that ended HTTP on this connection.
    Tunnel,
}

const BETWEEN: At = At::Between {
    empty: 0,
    is_cr: false,
};

/// What may be let through of the bytes that have come. Behind that comes the beginning of a head, which is kept
/// until the rest is here, or a request that is refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Followed {
    /// What had been kept of a head that is whole now: it goes before the bytes.
    pub(super) kept: Vec<u8>,
    /// So many of the bytes pass.
    pub(super) passed: usize,
    /// What is wrong with the request that begins after them.
    pub(super) refused: Option<Malformed>,
}

/// The position in the succession of requests on one connection.
#[derive(Debug)]
pub(super) struct Follower {
    at: At,
    limits: Limits,
}

impl Follower {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            at: BETWEEN,
            limits,
        }
    }

    /// Follows the next bytes of the connection.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Followed {
        let mut followed = Followed::default();
        let mut taken = 0;
        while taken < bytes.len() {
            match self.step(&bytes[taken..], &mut followed.kept) {
                Ok(more) => taken += more,
                Err(why) => {
                    followed.refused = Some(why);
                    return followed;
                }
            }
            if !self.is_in_head() {
                followed.passed = taken;
            }
        }
        followed
    }

    /// From now on the bytes are no longer HTTP. Returns those that had been kept, to be let through.
    pub(super) fn tunnel(&mut self) -> Vec<u8> {
        match std::mem::replace(&mut self.at, At::Tunnel) {
            At::Head(seen) => seen,
            At::Between { .. } | At::Body(_) | At::Chunks(_) | At::Tunnel => Vec::new(),
        }
    }

    /// Whether a head has begun and not ended.
    pub(super) const fn is_in_head(&self) -> bool {
        matches!(self.at, At::Head(_))
    }

    /// Whether the next byte would begin a request.
    pub(super) const fn is_between_requests(&self) -> bool {
        matches!(self.at, At::Between { .. })
    }

    /// Takes one part of one message off the front of `bytes`, and returns its length.
    /// What was kept of a head that ends in them goes to `kept`.
    fn step(&mut self, bytes: &[u8], kept: &mut Vec<u8>) -> Result<usize, Malformed> {
        match &mut self.at {
            At::Between { empty, is_cr } => match (bytes[0], *is_cr) {
                (b'\r', false) => {
                    *is_cr = true;
                    Ok(1)
                }
                // RFC 9112 §2.2: empty lines before a request line are skipped.
                (b'\n', true) if *empty < EMPTY_LINE_LIMIT => {
                    (*empty, *is_cr) = (*empty + 1, false);
                    Ok(1)
                }
                (b'\n', _) | (_, true) => Err(Malformed::LineEnd),
                (_, false) => self.begin_head(bytes),
            },
            At::Head(_) => self.go_on_with_head(bytes, kept),
            At::Body(left) => {
                let taken = bytes
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                if *left == 0 {
                    self.at = BETWEEN;
                }
                Ok(taken)
            }
            At::Chunks(chunks) => {
                let taken = chunks.step(bytes)?;
                if taken.is_end {
                    self.at = BETWEEN;
                }
                Ok(taken.count)
            }
            At::Tunnel => Ok(bytes.len()),
        }
    }

    fn begin_head(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let Some(end) = head_end(bytes, 0) else {
            if bytes.len() > self.limits.head {
                return Err(Malformed::TooLarge(self.limits));
            }
            head::check_beginning(bytes, self.limits)?;
            self.at = At::Head(bytes.to_vec());
            return Ok(bytes.len());
        };
        self.end_head(&bytes[..end])?;
        Ok(end)
    }

    fn go_on_with_head(&mut self, bytes: &[u8], kept: &mut Vec<u8>) -> Result<usize, Malformed> {
        let limits = self.limits;
        let At::Head(seen) = &mut self.at else {
            return Ok(0);
        };
        let before = seen.len();
        seen.extend_from_slice(&bytes[..bytes.len().min(limits.head + 1 - before)]);
        let mut head = std::mem::take(seen);
        // The end may straddle the two parts by up to three bytes.
        match head_end(&head, before.saturating_sub(3)) {
            Some(end) => {
                self.end_head(&head[..end])?;
                head.truncate(before);
                *kept = head;
                Ok(end - before)
            }
            None if head.len() > limits.head => Err(Malformed::TooLarge(limits)),
            None => {
                if memchr(b'\n', &head[..before]).is_none() {
                    head::check_beginning(&head, limits)?;
                }
                self.at = At::Head(head);
                Ok(bytes.len())
            }
        }
    }

    fn end_head(&mut self, head: &[u8]) -> Result<(), Malformed> {
        self.at = match head::check(head, self.limits)? {
            Framing::Length(0) => BETWEEN,
            Framing::Length(left) => At::Body(left),
            Framing::Chunked => At::Chunks(Chunks::new()),
        };
        Ok(())
    }
}

/// Where the empty line that ends a head ends, if it ends at or after `from`. A line that ends with
/// a bare LF counts as a line here: that it is refused is for the check to say.
pub(super) fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PUT: &str = "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    const CHUNKED: &str = "PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n";
    const TWO_FRAMINGS: &str =
        "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn a_bad_head_is_refused_after_the_good_requests_before_it() {
        let bytes = format!("{PUT}{CHUNKED}\r\n{TWO_FRAMINGS}");
        let followed = Follower::new(Limits::default()).follow(bytes.as_bytes());
        assert_eq!(followed.refused, Some(Malformed::TwoFramings));
        assert_eq!(followed.passed, PUT.len() + CHUNKED.len() + 2);
    }

    #[test]
    fn a_head_without_end_is_refused_at_its_limit() {
        let mut follower = Follower::new(Limits::default());
        let begun = follower.follow(b"GET / HTTP/1.1\r\nHost: h\r\nA: ");
        assert_eq!(begun, Followed::default(), "nothing passes yet");
        let flood = vec![b'a'; Limits::default().head + 1];
        for follower in [&mut follower, &mut Follower::new(Limits::default())] {
            let followed = follower.follow(&flood);
            assert_eq!(
                followed.refused,
                Some(Malformed::TooLarge(Limits::default()))
            );
            assert_eq!(followed.passed, 0);
        }
        let whole = [b"GET / HTTP/1.1\r\nHost: h\r\nA: ", &flood[..], b"\r\n\r\n"].concat();
        let followed = Follower::new(Limits::default()).follow(&whole);
        assert_eq!(
            followed.refused,
            Some(Malformed::TooLarge(Limits::default())),
            "in one piece"
        );
    }

    #[test]
    fn a_chunk_that_is_not_well_formed_is_refused() {
        for body in [
            "g\r\n",
            "3\nabc",
            "3\r\nabcd",
            "11111111111111111\r\n",
            ";\r\n",
            "0\r\nT: v\n",
            "-1\r\n",
            "3;\r\nabc",
            "3;a b\r\nabc",
            "3;a=\"b\r\n",
            " 3\r\n",
            "0x3\r\n",
            "+3\r\n",
            "3 \r\n",
            "00000000000000003\r\n",
            "0\r\nno colon\r\n",
            "0\r\nT: \0\r\n",
            "0\r\n T: v\r\n",
        ] {
            assert_eq!(in_chunks(body), Some(Malformed::Chunk), "{body:?}");
        }
        let body = format!("3;a={}\r\nabc", "x".repeat(16 * 1024));
        assert_eq!(in_chunks(&body), Some(Malformed::ChunkExtension));
        for body in [
            "0\r\nContent-Length: 5\r\n",
            "0\r\nT: v\r\nhost: a\r\n",
            "0\r\nContent_Type: a\r\n",
        ] {
            assert_eq!(in_chunks(body), Some(Malformed::Trailer), "{body:?}");
        }
    }

    fn in_chunks(body: &str) -> Option<Malformed> {
        let head = "PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        let followed = Follower::new(Limits::default()).follow(format!("{head}{body}").as_bytes());
        followed.refused
    }

    #[test]
    fn only_so_many_empty_lines_are_skipped_and_only_whole_ones() {
        let after = |lines: &str| {
            Follower::new(Limits::default()).follow(format!("{lines}{PUT}").as_bytes())
        };
        let skipped = after(&"\r\n".repeat(8));
        assert_eq!((skipped.passed, skipped.refused), (16 + PUT.len(), None));
        for lines in ["\n", "\r", "\r\r\n", "\r\n\n", &"\r\n".repeat(9)] {
            assert_eq!(after(lines).refused, Some(Malformed::LineEnd), "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_changes_nothing(cuts in proptest::collection::vec(1..20usize, 0..60)) {
            let bytes = format!("{PUT}{CHUNKED}{PUT}{TWO_FRAMINGS}");
            let (mut follower, mut rest) = (Follower::new(Limits::default()), bytes.as_bytes());
            let (mut passed, mut refused) = (Vec::new(), None);
            for cut in cuts.into_iter().chain(std::iter::repeat(7)) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                rest = later;
                let followed = follower.follow(now);
                passed.extend(followed.kept);
                passed.extend_from_slice(&now[..followed.passed]);
                refused = followed.refused;
                if refused.is_some() || rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(refused, Some(Malformed::TwoFramings));
            let good = format!("{PUT}{CHUNKED}{PUT}");
            prop_assert_eq!(std::str::from_utf8(&passed), Ok(good.as_str()));
        }

        #[test]
        fn no_bytes_make_it_panic_or_hang(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Follower::new(Limits::default()).follow(&bytes);
            let mut chunked = b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            chunked.extend(bytes);
            let _ = Follower::new(Limits::default()).follow(&chunked);
        }
    }
}
