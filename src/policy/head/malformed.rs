//! Why a message cannot be understood in one way only, each with the clause that says so.

use thiserror::Error;

use super::{FIELD_LIMIT, HEAD_LIMIT, TARGET_LIMIT};

/// Why a request cannot be understood in one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// RFC 9112 §3.
    #[error("the request line is not a method, a target and a version with one space between them")]
    RequestLine,
    /// A client that expects `https` where `http` is spoken.
    #[error("this is the beginning of a TLS connection, and plain HTTP is spoken here")]
    Tls,
    /// A client that expects `http` where `https` is spoken.
    #[error("this is plain HTTP, and TLS is spoken here")]
    NotTls,
    /// RFC 9112 §3.2: white space, control characters and fragments have no place in a target.
    #[error(
        "the request target is neither a path that begins with `/` nor an http URL, or has a character that no target can have"
    )]
    Target,
    /// RFC 9112 §2.3.
    #[error("the HTTP version is neither 1.0 nor 1.1")]
    Version,
    /// `CONNECT` asks for a forward proxy, and this is a gateway (RFC 9110 §9.3.6).
    #[error("CONNECT asks for a forward proxy, and this is a gateway")]
    Connect,
    /// RFC 9112 §2.2.
    #[error("a line does not end with CR LF")]
    LineEnd,
    /// RFC 9112 §5.1 and §5.2: no colon, white space before it, no name, or a folded line.
    #[error("a header line is not a field name, a colon and a value")]
    FieldLine,
    /// RFC 9110 §5.5.
    #[error("a field value has a control character, or white space around it where none can be")]
    FieldValue,
    /// RFC 9112 §3.2 and RFC 9113 §8.3.1.
    #[error("the Host field is missing, repeated or invalid, or differs from the target")]
    Host,
    /// RFC 9112 §6.3.
    #[error("the Content-Length field is repeated, or not a plain number")]
    ContentLength,
    /// RFC 9112 §6.1.
    #[error("the only transfer coding that is understood is one final chunked, on HTTP/1.1")]
    TransferEncoding,
    /// RFC 9112 §6.3: the classic of request smuggling.
    #[error("both Content-Length and Transfer-Encoding are given")]
    TwoFramings,
    /// RFC 9110 §7.6.1: `Connection` must not name a field that is meant for all recipients of the content.
    #[error("the Connection field names a field that is meant for the origin server")]
    Nominated,
    /// CGI and its heirs read `_` in a name as `-` (RFC 3875 §4.1.18).
    #[error("a field name with an underscore can be taken for another that matters")]
    Alias,
    /// RFC 9113 §8.2.2.
    #[error("a field is about the connection, and HTTP/2 has other means for that")]
    ConnectionField,
    /// RFC 9112 §7.1.
    #[error("the chunked body is not well-formed")]
    Chunk,
    /// RFC 9112 §7.1.1.
    #[error("the chunked body has longer extensions than anybody needs")]
    ChunkExtension,
    /// RFC 9110 §6.5.1.
    #[error("the trailer section is too long, or has a field that cannot come after the body")]
    Trailer,
    /// RFC 6585 §5.
    #[error("the head is larger than {HEAD_LIMIT} bytes, or has more than {FIELD_LIMIT} fields")]
    TooLarge,
    /// RFC 9110 §15.5.9.
    #[error("the rest of its head did not come in time")]
    HeadTooSlow,
    /// RFC 9110 §15.5.15.
    #[error("the request target is longer than {TARGET_LIMIT} bytes")]
    TargetTooLong,
}

impl Malformed {
    /// Whether it is only more than is taken here, and might be understood.
    pub const fn is_excess(self) -> bool {
        matches!(
            self,
            Self::TooLarge | Self::TargetTooLong | Self::HeadTooSlow
        )
    }
}

impl Malformed {
    /// Whether it was found after the head: the request is known by then, and may be on its way.
    pub const fn is_in_body(self) -> bool {
        matches!(self, Self::Chunk | Self::ChunkExtension | Self::Trailer)
    }
}
