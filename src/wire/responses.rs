//! Follows where responses begin and end in the bytes of one connection to the upstream, and has each head checked.
//!
//! For names that keep their case, which hyper alone knows. It looks at the same bytes that hyper is about to parse, as the follower of requests does, and says what hyper would
//! not: that something came which no exchange has asked for, or which can be understood in more than one way.
//!
//! Invariants:
//! - No byte is let through that belongs to no response, and none that makes the end of a faulty head or chunk.
//! - A head that comes in one piece, as nearly all do, is not copied. What is kept of another is bounded by
//!   [`HEAD_LIMIT`].

use memchr::memchr;

use super::chunks::Chunks;
use super::framing::head_end;
use crate::policy::head::{
    Following, HEAD_LIMIT, INTERIM_LIMIT, InvalidResponse, check_response, check_response_beginning,
};

/// Where in the succession of responses the next byte stands.
#[derive(Debug)]
enum At {
    /// Nowhere: every response that was asked for is whole.
    Idle,
    /// In a head, of which so much has come.
    Head(Vec<u8>),
    Body(u64),
    Chunks(Chunks),
    /// In a body that ends with the connection.
    Close,
    /// After a response that ended HTTP on this connection.
    Tunnel,
}

/// What stands in the way of letting more through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It belongs to no response.
    Surplus,
    /// It can be understood in more than one way, or in none.
    Invalid(InvalidResponse),
}

/// The position in the succession of responses on one connection.
#[derive(Debug)]
pub(super) struct Responses {
    at: At,
    to_head: bool,
    /// How many informational responses have come in this exchange.
    interims: u32,
    is_doubtful: bool,
}

impl Responses {
    pub(super) const fn new() -> Self {
        Self::at(At::Idle)
    }

    /// Lets everything through.
    pub(super) const fn of_no_http() -> Self {
        Self::at(At::Tunnel)
    }

    const fn at(at: At) -> Self {
        Self {
            at,
            to_head: false,
            interims: 0,
            is_doubtful: false,
        }
    }

    /// A request is about to be sent, where this is of HTTP/1.1; `to_head` says that it is a `HEAD`.
    pub(super) fn expect(&mut self, to_head: bool) {
        if matches!(self.at, At::Tunnel) {
            return;
        }
        self.at = At::Head(Vec::new());
        self.to_head = to_head;
        self.interims = 0;
    }

    /// Whether what comes next may be the body that a response had announced and could not have.
    pub(super) const fn is_doubtful(&self) -> bool {
        self.is_doubtful
    }

    /// Follows the next bytes of the connection. Returns how many of them may be let through, and why not all.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> (usize, Option<Stop>) {
        let mut taken = 0;
        while taken < bytes.len() {
            match self.step(&bytes[taken..]) {
                Ok(more) => taken += more,
                Err(stop) => return (taken, Some(stop)),
            }
        }
        (taken, None)
    }

    /// Takes one part of one response off the front of `bytes`, and returns its length.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Stop> {
        match &mut self.at {
            At::Idle => Err(Stop::Surplus),
            At::Head(seen) => {
                let seen = std::mem::take(seen);
                self.head(seen, bytes).map_err(Stop::Invalid)
            }
            At::Body(left) => {
                let taken = bytes
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                if *left == 0 {
                    self.at = At::Idle;
                }
                Ok(taken)
            }
            At::Chunks(chunks) => {
                let taken = chunks
                    .step(bytes)
                    .map_err(|why| Stop::Invalid(why.into()))?;
                if taken.is_end {
                    self.at = At::Idle;
                }
                Ok(taken.count)
            }
            At::Close | At::Tunnel => Ok(bytes.len()),
        }
    }

    fn head(&mut self, mut seen: Vec<u8>, bytes: &[u8]) -> Result<usize, InvalidResponse> {
        let before = seen.len();
        if before == 0
            && let Some(end) = head_end(bytes, 0)
        {
            self.end_head(&bytes[..end])?;
            return Ok(end);
        }
        seen.extend_from_slice(&bytes[..bytes.len().min(HEAD_LIMIT + 1 - before)]);
        // The end may straddle the two parts by up to three bytes.
        if let Some(end) = head_end(&seen, before.saturating_sub(3)) {
            self.end_head(&seen[..end])?;
            return Ok(end - before);
        }
        if seen.len() > HEAD_LIMIT {
            return Err(InvalidResponse::TooLarge);
        }
        if memchr(b'\n', &seen[..before]).is_none() {
            check_response_beginning(&seen)?;
        }
        self.at = At::Head(seen);
        Ok(bytes.len())
    }

    fn end_head(&mut self, head: &[u8]) -> Result<(), InvalidResponse> {
        if head.len() > HEAD_LIMIT {
            return Err(InvalidResponse::TooLarge);
        }
        let answer = check_response(head, self.to_head)?;
        self.is_doubtful |= answer.is_doubtful;
        self.at = match answer.following {
            Following::Head => {
                self.interims += 1;
                if self.interims > INTERIM_LIMIT {
                    return Err(InvalidResponse::Interims);
                }
                At::Head(Vec::new())
            }
            Following::Tunnel => At::Tunnel,
            Following::Length(0) => At::Idle,
            Following::Length(octets) => At::Body(octets),
            Following::Chunked => At::Chunks(Chunks::new()),
            Following::Close => At::Close,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::head::Malformed;
    use proptest::prelude::*;

    const WHOLE: &str =
        "HTTP/1.1 103 Early\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    const CHUNKED: &str =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\nT: v\r\n\r\n";

    fn follow(bytes: &str) -> (usize, Option<Stop>) {
        let mut responses = Responses::new();
        responses.expect(false);
        responses.follow(bytes.as_bytes())
    }

    fn invalid(bytes: &str) -> Option<InvalidResponse> {
        match follow(bytes).1 {
            Some(Stop::Invalid(why)) => Some(why),
            Some(Stop::Surplus) | None => None,
        }
    }

    #[test]
    fn what_comes_behind_a_whole_response_is_surplus() {
        for whole in [
            WHOLE,
            CHUNKED,
            "HTTP/1.1 204 No\r\n\r\n",
            "HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n",
        ] {
            let (passed, stop) = follow(&format!("{whole}HTTP/1.1 200 OK\r\n"));
            assert_eq!(
                (passed, stop),
                (whole.len(), Some(Stop::Surplus)),
                "{whole}"
            );
        }
        assert_eq!(Responses::new().follow(b"x"), (0, Some(Stop::Surplus)));
        let mut responses = Responses::new();
        responses.expect(true);
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(responses.follow(head), (head.len(), None));
        assert_eq!(responses.follow(b"hi"), (0, Some(Stop::Surplus)));
    }

    #[test]
    fn what_ends_with_the_connection_or_leaves_http_has_no_surplus() {
        for open in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 101 S\r\n\r\n"] {
            assert_eq!(follow(&format!("{open}anything")).1, None, "{open}");
        }
    }

    #[test]
    fn a_response_is_stopped_where_it_can_be_understood_in_two_ways() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (passed, stop) = follow(&format!("{chunked}2\r\nhi\r\n-1\r\n"));
        assert_eq!(stop, Some(Stop::Invalid(Malformed::Chunk.into())));
        assert_eq!(passed, chunked.len() + "2\r\nhi\r\n".len());
        assert_eq!(invalid("SSH-2.0"), Some(InvalidResponse::StatusLine));
        let two = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(invalid(two), Some(Malformed::ContentLength.into()));
        let long = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(HEAD_LIMIT));
        assert_eq!(invalid(&long), Some(InvalidResponse::TooLarge));
        assert_eq!(
            invalid(&format!("{long}\r\n\r\n")),
            Some(InvalidResponse::TooLarge)
        );
        let flood = "HTTP/1.1 102 Processing\r\n\r\n".repeat(INTERIM_LIMIT as usize + 1);
        assert_eq!(invalid(&flood), Some(InvalidResponse::Interims));
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_changes_nothing(
            cuts in proptest::collection::vec(1..20usize, 0..60),
            to_be_followed in prop_oneof![Just("x"), Just(""), Just("HTTP/1.1 200 OK\r\n\r\n")],
        ) {
            for whole in [WHOLE, CHUNKED] {
                let text = format!("{whole}{to_be_followed}");
                let mut responses = Responses::new();
                responses.expect(false);
                let (mut rest, mut passed, mut stopped) = (text.as_bytes(), 0, None);
                for cut in cuts.iter().copied().chain(std::iter::repeat(7)) {
                    let (now, later) = rest.split_at(cut.min(rest.len()));
                    rest = later;
                    let (taken, stop) = responses.follow(now);
                    passed += taken;
                    stopped = stop;
                    if stop.is_some() || rest.is_empty() {
                        break;
                    }
                }
                prop_assert_eq!(passed, whole.len());
                prop_assert_eq!(stopped, (!to_be_followed.is_empty()).then_some(Stop::Surplus));
            }
        }

        #[test]
        fn no_bytes_make_it_panic_or_hang(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut responses = Responses::new();
            responses.expect(false);
            let _ = responses.follow(&bytes);
            responses.expect(false);
            let _ = responses.follow(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &*bytes].concat());
        }
    }
}
