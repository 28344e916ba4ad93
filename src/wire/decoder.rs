//! Reads the responses off the bytes of one connection to the upstream, each part as it comes.
//!
//! Invariants:
//! - What is handed on has passed the check: a head that has one reading, chunks and trailers without a fault.
//! - No byte is taken that belongs to no response.
//! - What is kept of a head that came in pieces is bounded by [`HEAD_LIMIT`].

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::content::{Content, Piece};
use super::heads::{Gathered, gather};
use crate::policy::head::{
    Following, HEAD_LIMIT, INTERIM_LIMIT, InvalidResponse, Parsed, ResponseHead,
    check_response_beginning, parse_response,
};

/// A part of a response.
#[derive(Debug)]
pub enum Part {
    /// An informational response, whole.
    Interim(StatusCode, HeaderMap),
    /// The head of the final one.
    Head(Box<ResponseHead>),
    /// Some of its content.
    Data(Bytes),
    /// The trailer section, which ends it.
    Trailers(HeaderMap),
}

/// Where in the succession of responses the next byte stands.
#[derive(Debug)]
enum At {
    /// Nowhere: every response that was asked for is whole.
    Idle,
    /// In a head, of which so much has come.
    Head(Vec<u8>),
    Body(Content),
    /// After a response that ended HTTP on this connection.
    Tunnel,
}

/// The position in the succession of responses on one connection.
#[derive(Debug)]
pub struct Decoder {
    at: At,
    to_head: bool,
    cased: bool,
    /// How many informational responses have come in this exchange.
    interims: u32,
    is_doubtful: bool,
}

impl Decoder {
    /// Before the first request. How the names of fields are written is kept where they are `cased`.
    pub const fn new(cased: bool) -> Self {
        Self {
            at: At::Idle,
            to_head: false,
            cased,
            interims: 0,
            is_doubtful: false,
        }
    }

    /// A request is about to be sent; `to_head` says that it is a `HEAD`.
    pub fn expect(&mut self, to_head: bool) {
        self.at = At::Head(Vec::new());
        self.to_head = to_head;
        self.interims = 0;
    }

    /// Whether every response that was asked for is whole.
    pub const fn is_idle(&self) -> bool {
        matches!(self.at, At::Idle)
    }

    /// Whether what comes next may be the body that a response had announced and could not have.
    pub const fn is_doubtful(&self) -> bool {
        self.is_doubtful
    }

    /// How many octets of content are sure to come next.
    pub fn octets(&self) -> u64 {
        match &self.at {
            At::Body(content) => content.octets(),
            At::Idle | At::Head(_) | At::Tunnel => 0,
        }
    }

    /// How many octets of content the response has yet, where its head has said so.
    pub const fn left(&self) -> Option<u64> {
        match &self.at {
            At::Idle => Some(0),
            At::Body(content) => content.left(),
            At::Head(_) | At::Tunnel => None,
        }
    }

    /// The connection has ended. Whether the response is whole by that.
    pub fn end(&mut self) -> bool {
        if matches!(self.at, At::Body(Content::Close)) {
            self.at = At::Idle;
        }
        self.is_idle()
    }

    /// Takes the next part off the front of `bytes`; none if there is no more in them, or no more is to come.
    pub fn next(&mut self, bytes: &mut Bytes) -> Result<Option<Part>, InvalidResponse> {
        if bytes.is_empty() {
            return Ok(None);
        }
        match &mut self.at {
            At::Idle | At::Tunnel => Ok(None),
            At::Head(seen) => {
                let seen = std::mem::take(seen);
                self.head(seen, bytes)
            }
            At::Body(content) => {
                let piece = content.next(bytes)?;
                if content.is_over() {
                    self.at = At::Idle;
                }
                Ok(piece.map(Part::from))
            }
        }
    }

    fn head(&mut self, seen: Vec<u8>, bytes: &mut Bytes) -> Result<Option<Part>, InvalidResponse> {
        match gather(seen, bytes, HEAD_LIMIT) {
            Gathered::Whole(head) => self.end_head(head).map(Some),
            Gathered::Begun { head, is_line_new } => {
                if is_line_new {
                    check_response_beginning(&head)?;
                }
                self.at = At::Head(head);
                Ok(None)
            }
            Gathered::TooLarge => Err(InvalidResponse::TooLarge),
        }
    }

    fn end_head(&mut self, head: Bytes) -> Result<Part, InvalidResponse> {
        if head.len() > HEAD_LIMIT {
            return Err(InvalidResponse::TooLarge);
        }
        let Parsed { answer, head } = parse_response(head, self.to_head, self.cased)?;
        self.is_doubtful |= answer.is_doubtful;
        self.at = match answer.following {
            Following::Head => {
                self.interims += 1;
                if self.interims > INTERIM_LIMIT {
                    return Err(InvalidResponse::Interims);
                }
                self.at = At::Head(Vec::new());
                let parts = head.into_parts();
                return Ok(Part::Interim(parts.status, parts.headers));
            }
            Following::Tunnel => At::Tunnel,
            Following::Length(0) => At::Idle,
            Following::Length(octets) => At::Body(Content::Length(octets)),
            Following::Chunked => At::Body(Content::chunked()),
            Following::Close => At::Body(Content::Close),
        };
        Ok(Part::Head(head))
    }
}

impl From<Piece> for Part {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Data(data) => Self::Data(data),
            Piece::Trailers(trailers) => Self::Trailers(trailers),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::head::Malformed;

    const LENGTH: &str =
        "HTTP/1.1 103 Early\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &str = "HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n\
                           2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nT: v\r\nT: w\r\n\r\n";

    /// What was read: heads and trailers by their fields, content together.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Read {
        interims: Vec<u16>,
        status: Option<u16>,
        reason: Option<Vec<u8>>,
        content: Vec<u8>,
        trailers: Vec<String>,
        is_whole: bool,
        /// How many bytes were left behind.
        left: usize,
    }

    /// Reads what comes in parts of these lengths, the last again and again.
    fn read(text: &str, cuts: &[usize]) -> Result<Read, InvalidResponse> {
        let mut decoder = Decoder::new(false);
        decoder.expect(false);
        let (mut read, mut rest) = (Read::default(), Bytes::copy_from_slice(text.as_bytes()));
        let mut cuts = cuts.iter().copied().chain(std::iter::repeat(usize::MAX));
        while !rest.is_empty() && !decoder.is_idle() {
            let cut = cuts.next().unwrap_or(1).clamp(1, rest.len());
            let mut input = rest.split_to(cut);
            while let Some(part) = decoder.next(&mut input)? {
                match part {
                    Part::Interim(status, _) => read.interims.push(status.as_u16()),
                    Part::Head(head) => {
                        read.status = Some(head.status.as_u16());
                        let reason = head.reason.as_ref();
                        read.reason = reason.map(|reason| reason.0.to_vec());
                    }
                    Part::Data(data) => read.content.extend_from_slice(&data),
                    Part::Trailers(fields) => read.trailers.extend(
                        fields
                            .iter()
                            .map(|(name, value)| format!("{name}={}", value.to_str().unwrap())),
                    ),
                }
            }
            read.left = input.len() + rest.len();
        }
        read.is_whole = decoder.is_idle();
        Ok(read)
    }

    #[test]
    fn a_response_is_read_to_its_end_and_no_further() {
        let length = Read {
            interims: vec![103],
            status: Some(200),
            content: b"hello".to_vec(),
            is_whole: true,
            left: 4,
            ..Read::default()
        };
        assert_eq!(read(&format!("{LENGTH}HTTP"), &[]), Ok(length));
        let chunked = Read {
            status: Some(200),
            reason: Some(b"Fine".to_vec()),
            content: b"hello".to_vec(),
            trailers: vec!["t=v".to_owned(), "t=w".to_owned()],
            is_whole: true,
            ..Read::default()
        };
        assert_eq!(read(CHUNKED, &[]), Ok(chunked));
        for empty in [
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        ] {
            let read = read(&format!("{empty}x"), &[]).expect("one reading");
            assert!(read.is_whole && read.left == 1, "{empty}");
        }
    }

    #[test]
    fn a_body_without_a_length_ends_with_its_connection_and_no_other_does() {
        for (text, is_whole) in [
            ("HTTP/1.1 200 OK\r\n\r\nhello", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", false),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                false,
            ),
            ("HTTP/1.1 200 OK\r\nConten", false),
            ("", false),
        ] {
            let mut decoder = Decoder::new(false);
            decoder.expect(false);
            let mut input = Bytes::from_static(text.as_bytes());
            while decoder.next(&mut input).expect("one reading").is_some() {}
            assert_eq!(decoder.end(), is_whole, "{text}");
        }
    }

    #[test]
    fn what_has_two_readings_is_not_read() {
        let long = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(HEAD_LIMIT));
        let flood = "HTTP/1.1 102 Processing\r\n\r\n".repeat(INTERIM_LIMIT as usize + 1);
        let many = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{}\r\n",
            "T: v\r\n".repeat(257)
        );
        for (text, why) in [
            ("SSH-2.0-OpenSSH\r\n", InvalidResponse::StatusLine),
            (&long, InvalidResponse::TooLarge),
            (&format!("{long}\r\n\r\n"), InvalidResponse::TooLarge),
            (&flood, InvalidResponse::Interims),
            (&many, Malformed::Trailer.into()),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
                Malformed::Chunk.into(),
            ),
        ] {
            assert_eq!(read(text, &[]), Err(why), "{}", &text[..text.len().min(80)]);
        }
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_changes_nothing(
            cuts in proptest::collection::vec(1..20usize, 60..200),
            behind in prop_oneof![Just("x"), Just(""), Just("HTTP/1.1 200 OK\r\n\r\n")],
        ) {
            for whole in [LENGTH, CHUNKED] {
                let text = format!("{whole}{behind}");
                prop_assert_eq!(read(&text, &cuts), read(&text, &[]));
            }
        }

        #[test]
        fn no_bytes_make_it_panic_or_hang(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let text = String::from_utf8_lossy(&bytes);
            let _ = read(&text, &[]);
            let _ = read(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{text}"), &[3]);
        }
    }
}
