//! Reads the requests off the bytes of one connection from a client, each part as it comes.
//!
//! Invariants:
//! - What is handed on has passed the check: a head that has one reading, chunks and trailers without a fault.
//! - No byte is taken that belongs to the next request.

use bytes::{Buf, Bytes};

use super::content::{Content, Piece};
use super::heads::{Gathered, gather};
use crate::policy::head::{
    Framing, Limits, Malformed, ParsedRequest, check_beginning, parse_request,
};

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
    Body(Content),
}

const BETWEEN: At = At::Between {
    empty: 0,
    is_cr: false,
};

/// The position in the succession of requests on one connection.
#[derive(Debug)]
pub(super) struct Requests {
    at: At,
    limits: Limits,
    cased: bool,
}

impl Requests {
    /// Before the first. How the names of fields are written is kept where they are `cased`.
    pub(super) const fn new(limits: Limits, cased: bool) -> Self {
        Self {
            at: BETWEEN,
            limits,
            cased,
        }
    }

    /// Whether a head has begun and not ended.
    pub(super) const fn is_in_head(&self) -> bool {
        matches!(self.at, At::Head(_))
    }

    /// Whether the next byte belongs to the body of a request whose head was taken.
    pub(super) const fn is_in_body(&self) -> bool {
        matches!(self.at, At::Body(_))
    }

    /// How many octets of content are sure to come next.
    pub(super) fn octets(&self) -> u64 {
        match &self.at {
            At::Body(content) => content.octets(),
            At::Between { .. } | At::Head(_) => 0,
        }
    }

    /// How many octets of content the request has yet, where that is known.
    pub(super) const fn left(&self) -> Option<u64> {
        match &self.at {
            At::Body(content) => content.left(),
            At::Between { .. } | At::Head(_) => Some(0),
        }
    }

    /// Takes the next head off the front of `bytes`; none if it is not whole in them.
    pub(super) fn head(&mut self, bytes: &mut Bytes) -> Result<Option<ParsedRequest>, Malformed> {
        self.skip_empty_lines(bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let seen = match &mut self.at {
            At::Between { .. } => Vec::new(),
            At::Head(seen) => std::mem::take(seen),
            At::Body(_) => return Ok(None),
        };
        match gather(seen, bytes, self.limits.head) {
            Gathered::Whole(head) => {
                let parsed = parse_request(head, self.limits, self.cased)?;
                self.at = match parsed.framing {
                    Framing::Length(0) => BETWEEN,
                    Framing::Length(octets) => At::Body(Content::Length(octets)),
                    Framing::Chunked => At::Body(Content::chunked()),
                };
                Ok(Some(parsed))
            }
            Gathered::Begun { head, is_line_new } => {
                if is_line_new {
                    check_beginning(&head, self.limits)?;
                }
                self.at = At::Head(head);
                Ok(None)
            }
            Gathered::TooLarge => Err(Malformed::TooLarge(self.limits)),
        }
    }

    /// Takes the next piece of a body off the front of `bytes`; none if there is no more in them, or no more is to come.
    pub(super) fn content(&mut self, bytes: &mut Bytes) -> Result<Option<Piece>, Malformed> {
        let At::Body(content) = &mut self.at else {
            return Ok(None);
        };
        let piece = content.next(bytes)?;
        if content.is_over() {
            self.at = BETWEEN;
        }
        Ok(piece)
    }

    /// Takes all of a body off the front of `bytes`, where it is known how long that is, and it is in them.
    pub(super) fn whole_content(&mut self, bytes: &mut Bytes) -> Option<Bytes> {
        let left = usize::try_from(self.left()?).ok()?;
        if left > bytes.len() {
            return None;
        }
        if self.is_in_body() {
            self.at = BETWEEN;
        }
        Some(bytes.split_to(left))
    }

    /// RFC 9112 §2.2: empty lines before a request line are skipped.
    fn skip_empty_lines(&mut self, bytes: &mut Bytes) -> Result<(), Malformed> {
        let At::Between { empty, is_cr } = &mut self.at else {
            return Ok(());
        };
        while let Some(&first) = bytes.first() {
            match (first, *is_cr) {
                (b'\r', false) => *is_cr = true,
                (b'\n', true) if *empty < EMPTY_LINE_LIMIT => {
                    (*empty, *is_cr) = (*empty + 1, false);
                }
                (b'\n', _) | (_, true) => return Err(Malformed::LineEnd),
                (_, false) => return Ok(()),
            }
            bytes.advance(1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PUT: &str = "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    const CHUNKED: &str = "PUT /b?c HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-a: 2\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n";
    const TWO_FRAMINGS: &str =
        "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";

    /// What was read of some bytes: each request as text, and what was wrong with the one behind them.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Read {
        requests: Vec<String>,
        refused: Option<Malformed>,
    }

    /// Reads what comes in parts of these lengths, the last again and again.
    fn read(text: &[u8], cuts: &[usize]) -> Read {
        let mut requests = Requests::new(Limits::default(), false);
        let (mut read, mut rest) = (Read::default(), Bytes::copy_from_slice(text));
        let mut cuts = cuts.iter().copied().chain(std::iter::repeat(usize::MAX));
        while !rest.is_empty() && read.refused.is_none() {
            let cut = cuts.next().unwrap_or(1).clamp(1, rest.len());
            let mut input = rest.split_to(cut);
            while !input.is_empty() && read.refused.is_none() {
                read.refused = take(&mut requests, &mut input, &mut read.requests).err();
            }
        }
        read
    }

    fn take(
        requests: &mut Requests,
        input: &mut Bytes,
        read: &mut Vec<String>,
    ) -> Result<(), Malformed> {
        if requests.is_in_body() {
            let body = read.last_mut().expect("a head");
            match requests.content(input)? {
                Some(Piece::Data(data)) => body.push_str(&String::from_utf8_lossy(&data)),
                Some(Piece::Trailers(fields)) => body.push_str(&format!("{fields:?}")),
                None => {}
            }
        } else if let Some(ParsedRequest { head, .. }) = requests.head(input)? {
            read.push(format!(
                "{} {} {:?} ",
                head.method,
                head.uri,
                head.fields.map()
            ));
            if let Some(body) = requests.whole_content(input) {
                let read = read.last_mut().expect("a head");
                read.push_str(&String::from_utf8_lossy(&body));
            }
        }
        Ok(())
    }

    fn refused(text: &str) -> Option<Malformed> {
        read(text.as_bytes(), &[]).refused
    }

    #[test]
    fn a_bad_head_is_refused_after_the_good_requests_before_it() {
        let read = read(format!("{PUT}{CHUNKED}\r\n{TWO_FRAMINGS}").as_bytes(), &[]);
        assert_eq!(read.refused, Some(Malformed::TwoFramings));
        assert_eq!(
            read.requests,
            [
                r#"PUT /a {"host": "h", "content-length": "3"} abc"#,
                r#"PUT /b?c {"host": "h", "x-a": "1", "x-a": "2", "transfer-encoding": "chunked"} abc{"t": "v"}"#
            ]
        );
    }

    #[test]
    fn a_head_is_read_alike_whether_it_is_copied_or_shared() {
        let begun = "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nX: ";
        for octets in [1023, 1024, 1025] {
            let filling = "x".repeat(octets - begun.len() - 4);
            let head = format!("{begun}{filling}\r\n\r\n");
            assert_eq!(head.len(), octets);
            let expected =
                format!(r#"PUT /a {{"host": "h", "content-length": "3", "x": "{filling}"}} abc"#);
            let read = read(format!("{head}abc{head}abc").as_bytes(), &[]);
            assert_eq!(read.requests, [expected.clone(), expected]);
        }
    }

    #[test]
    fn a_head_without_end_is_refused_at_its_limit() {
        let limits = Limits::default();
        let begun = b"GET / HTTP/1.1\r\nHost: h\r\nA: ";
        let flood = vec![b'a'; limits.head + 1];
        let whole = [begun, &flood[..], b"\r\n\r\n"].concat();
        for (bytes, cuts) in [
            ([begun, &flood[..]].concat(), vec![begun.len()]),
            (flood, vec![]),
            (whole, vec![]),
        ] {
            let read = read(&bytes, &cuts);
            assert_eq!(read.refused, Some(Malformed::TooLarge(limits)));
            assert!(read.requests.is_empty());
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
        refused(&format!("{head}{body}"))
    }

    #[test]
    fn only_so_many_empty_lines_are_skipped_and_only_whole_ones() {
        let skipped = read(format!("{}{PUT}", "\r\n".repeat(8)).as_bytes(), &[]);
        assert_eq!((skipped.requests.len(), skipped.refused), (1, None));
        for lines in ["\n", "\r", "\r\r\n", "\r\n\n", &"\r\n".repeat(9)] {
            let refused = refused(&format!("{lines}{PUT}"));
            assert_eq!(refused, Some(Malformed::LineEnd), "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_changes_nothing(cuts in proptest::collection::vec(1..20usize, 60..200)) {
            let bytes = format!("{PUT}{CHUNKED}{PUT}\r\n{TWO_FRAMINGS}");
            prop_assert_eq!(read(bytes.as_bytes(), &cuts), read(bytes.as_bytes(), &[]));
        }

        #[test]
        fn no_bytes_make_it_panic_or_hang(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes, &[]);
            let mut chunked = b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            chunked.extend(bytes);
            let _ = read(&chunked, &[3]);
        }
    }
}
