//! Follows where requests begin and end in the bytes of one connection, and has each head checked.
//!
//! It looks at the same bytes that hyper is about to parse, in the same order, and finds the same
//! boundaries: what it cannot follow is refused, so that the two never disagree.
//!
//! Invariants:
//! - No byte of a head is let through before all of it has come and passed its check.
//! - What is kept of a head that came in pieces is bounded by [`HEAD_LIMIT`].

use memchr::memchr;

use crate::policy::head::{self, Framing, HEAD_LIMIT, Malformed};

/// The longest chunk-size line, extensions and all; the trailer section may be as long as a head.
const CHUNK_LINE_LIMIT: usize = 4 * 1024;

/// Where in the succession of requests the next byte stands.
#[derive(Debug)]
enum At {
    /// In a head, of which so much has come.
    Head(Vec<u8>),
    /// In a body with so many octets to come.
    Body(u64),
    Chunk(ChunkAt),
    /// After a request that ended HTTP on this connection.
    Tunnel,
}

#[derive(Clone, Copy, Debug)]
enum ChunkAt {
    /// In the chunk size: its value, its digits and the line's length so far.
    Size {
        size: u64,
        digits: u8,
    },
    /// In chunk extensions, with the line's length so far.
    Extension {
        size: u64,
        len: usize,
        at: ExtensionAt,
    },
    SizeLf {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    /// In the trailer section: its length, and the length of the line, so far.
    Trailer {
        len: usize,
        line: usize,
    },
    TrailerLf {
        len: usize,
        line: usize,
    },
}

/// RFC 9112 §7.1.1, without the white space that nobody writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExtensionAt {
    /// Before the first character of a name.
    Name,
    InName,
    /// Before the first character of a value.
    Value,
    InValue,
    Quoted,
    /// After a backslash in a quoted string.
    Escaped,
    AfterQuoted,
}

impl ExtensionAt {
    const fn may_end(self) -> bool {
        matches!(self, Self::InName | Self::InValue | Self::AfterQuoted)
    }

    fn step(self, byte: u8) -> Result<Self, Malformed> {
        let is_token = head::is_token(byte);
        match (self, byte) {
            (Self::Name | Self::InName, _) if is_token => Ok(Self::InName),
            (Self::Value | Self::InValue, _) if is_token => Ok(Self::InValue),
            (Self::InName, b'=') => Ok(Self::Value),
            (Self::Value, b'"') => Ok(Self::Quoted),
            (Self::Quoted, b'"') => Ok(Self::AfterQuoted),
            (Self::Quoted, b'\\') => Ok(Self::Escaped),
            (Self::Quoted | Self::Escaped, b'\t' | b' '..=b'~' | 0x80..) => Ok(Self::Quoted),
            (Self::InName | Self::InValue | Self::AfterQuoted, b';') => Ok(Self::Name),
            _ => Err(Malformed::Chunk),
        }
    }
}

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
}

impl Follower {
    pub(super) const fn new() -> Self {
        Self {
            at: At::Head(Vec::new()),
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
            At::Body(_) | At::Chunk(_) | At::Tunnel => Vec::new(),
        }
    }

    /// Whether a head has begun and not ended.
    pub(super) fn is_in_head(&self) -> bool {
        matches!(&self.at, At::Head(seen) if !seen.is_empty())
    }

    /// Whether the next byte would begin a request.
    pub(super) fn is_between_requests(&self) -> bool {
        matches!(&self.at, At::Head(seen) if seen.is_empty())
    }

    /// Takes one part of one message off the front of `bytes`, and returns its length.
    /// What was kept of a head that ends in them goes to `kept`.
    fn step(&mut self, bytes: &[u8], kept: &mut Vec<u8>) -> Result<usize, Malformed> {
        match &mut self.at {
            At::Head(seen) if seen.is_empty() => self.begin_head(bytes),
            At::Head(_) => self.go_on_with_head(bytes, kept),
            At::Body(left) => {
                let taken = bytes
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                if *left == 0 {
                    self.at = At::Head(Vec::new());
                }
                Ok(taken)
            }
            At::Chunk(chunk) => {
                let (next, taken) = chunk.step(bytes)?;
                self.at = next.map_or_else(|| At::Head(Vec::new()), At::Chunk);
                Ok(taken)
            }
            At::Tunnel => Ok(bytes.len()),
        }
    }

    fn begin_head(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        // RFC 9112 §2.2: empty lines before a request line are skipped.
        if bytes[0] == b'\r' || bytes[0] == b'\n' {
            return Ok(1);
        }
        let Some(end) = head_end(bytes, 0) else {
            if bytes.len() > HEAD_LIMIT {
                return Err(Malformed::TooLarge);
            }
            head::check_beginning(bytes)?;
            self.at = At::Head(bytes.to_vec());
            return Ok(bytes.len());
        };
        self.end_head(&bytes[..end])?;
        Ok(end)
    }

    fn go_on_with_head(&mut self, bytes: &[u8], kept: &mut Vec<u8>) -> Result<usize, Malformed> {
        let At::Head(seen) = &mut self.at else {
            return Ok(0);
        };
        let before = seen.len();
        seen.extend_from_slice(&bytes[..bytes.len().min(HEAD_LIMIT + 1 - before)]);
        let mut head = std::mem::take(seen);
        // The end may straddle the two parts by up to three bytes.
        match head_end(&head, before.saturating_sub(3)) {
            Some(end) => {
                self.end_head(&head[..end])?;
                head.truncate(before);
                *kept = head;
                Ok(end - before)
            }
            None if head.len() > HEAD_LIMIT => Err(Malformed::TooLarge),
            None => {
                if memchr(b'\n', &head[..before]).is_none() {
                    head::check_beginning(&head)?;
                }
                self.at = At::Head(head);
                Ok(bytes.len())
            }
        }
    }

    fn end_head(&mut self, head: &[u8]) -> Result<(), Malformed> {
        self.at = match head::check(head)? {
            Framing::Length(0) => At::Head(Vec::new()),
            Framing::Length(left) => At::Body(left),
            Framing::Chunked => At::Chunk(ChunkAt::Size { size: 0, digits: 0 }),
        };
        Ok(())
    }
}

/// Where the empty line that ends a head ends, if it ends at or after `from`. A line that ends with
/// a bare LF counts as a line here: that it is refused is for the check to say.
fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
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

impl ChunkAt {
    /// The next state, or `None` at the end of the body, and how many bytes were taken.
    fn step(self, bytes: &[u8]) -> Result<(Option<Self>, usize), Malformed> {
        let byte = bytes[0];
        let next = match self {
            Self::Size { size, digits } => Self::size(size, digits, byte)?,
            Self::Extension { size, at, .. } if byte == b'\r' && at.may_end() => {
                Self::SizeLf { size }
            }
            Self::Extension { size, len, at } if len < CHUNK_LINE_LIMIT => Self::Extension {
                size,
                len: len + 1,
                at: at.step(byte)?,
            },
            Self::SizeLf { size: 0 } if byte == b'\n' => Self::Trailer { len: 0, line: 0 },
            Self::SizeLf { size } if byte == b'\n' => Self::Data { left: size },
            Self::Data { left } => {
                let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left - taken as u64;
                return Ok((
                    Some(if left == 0 {
                        Self::DataCr
                    } else {
                        Self::Data { left }
                    }),
                    taken,
                ));
            }
            Self::DataCr if byte == b'\r' => Self::DataLf,
            Self::DataLf if byte == b'\n' => Self::Size { size: 0, digits: 0 },
            Self::Trailer { len, line } if byte == b'\r' => Self::TrailerLf { len, line },
            Self::Trailer { len, line } if len < HEAD_LIMIT && byte != b'\n' => Self::Trailer {
                len: len + 1,
                line: line + 1,
            },
            Self::TrailerLf { line: 0, .. } if byte == b'\n' => return Ok((None, 1)),
            Self::TrailerLf { len, .. } if byte == b'\n' => Self::Trailer { len, line: 0 },
            Self::Extension { .. }
            | Self::SizeLf { .. }
            | Self::DataCr
            | Self::DataLf
            | Self::Trailer { .. }
            | Self::TrailerLf { .. } => return Err(Malformed::Chunk),
        };
        Ok((Some(next), 1))
    }

    fn size(size: u64, digits: u8, byte: u8) -> Result<Self, Malformed> {
        match byte {
            b'\r' if digits > 0 => Ok(Self::SizeLf { size }),
            b';' if digits > 0 => Ok(Self::Extension {
                size,
                len: 0,
                at: ExtensionAt::Name,
            }),
            _ => {
                let digit = char::from(byte).to_digit(16).ok_or(Malformed::Chunk)?;
                // Sixteen digits fill 64 bits.
                let digits = (digits < 16)
                    .then_some(digits + 1)
                    .ok_or(Malformed::Chunk)?;
                Ok(Self::Size {
                    size: size << 4 | u64::from(digit),
                    digits,
                })
            }
        }
    }
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
        let followed = Follower::new().follow(bytes.as_bytes());
        assert_eq!(followed.refused, Some(Malformed::TwoFramings));
        assert_eq!(followed.passed, PUT.len() + CHUNKED.len() + 2);
    }

    #[test]
    fn a_head_without_end_is_refused_at_its_limit() {
        let mut follower = Follower::new();
        let begun = follower.follow(b"GET / HTTP/1.1\r\nHost: h\r\nA: ");
        assert_eq!(begun, Followed::default(), "nothing passes yet");
        let flood = vec![b'a'; HEAD_LIMIT + 1];
        for follower in [&mut follower, &mut Follower::new()] {
            let followed = follower.follow(&flood);
            assert_eq!(followed.refused, Some(Malformed::TooLarge));
            assert_eq!(followed.passed, 0);
        }
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
        ] {
            let bytes =
                format!("PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
            let followed = Follower::new().follow(bytes.as_bytes());
            assert_eq!(followed.refused, Some(Malformed::Chunk), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_changes_nothing(cuts in proptest::collection::vec(1..20usize, 0..60)) {
            let bytes = format!("{PUT}{CHUNKED}{PUT}{TWO_FRAMINGS}");
            let (mut follower, mut rest) = (Follower::new(), bytes.as_bytes());
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
            let _ = Follower::new().follow(&bytes);
            let mut chunked = b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            chunked.extend(bytes);
            let _ = Follower::new().follow(&chunked);
        }
    }
}
