//! Follows a chunked body (RFC 9112 §7.1) to the end of its trailer section, in either direction.
//!
//! Invariants:
//! - No byte that ends a chunk line or a trailer line is let through before the line has passed its check.
//! - What is kept of a trailer line that came in pieces is bounded by [`TRAILER_LIMIT`].

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::policy::head::{self, Malformed};

/// The most bytes of a body's chunk extensions, which are dropped here.
const EXTENSION_LIMIT: usize = 16 * 1024;

/// The longest trailer section, and the most fields of it.
const TRAILER_LIMIT: usize = 16 * 1024;
const FIELD_LIMIT: usize = 256;

/// The position in one chunked body.
#[derive(Debug)]
pub(super) struct Chunks {
    at: At,
    /// How long the chunk extensions were so far.
    extensions: usize,
    /// The trailer line so far, and how long the section was before it.
    line: Vec<u8>,
    before: usize,
    /// The trailer section before it.
    trailers: HeaderMap,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// In the chunk size: its value and its digits so far.
    Size {
        size: u64,
        digits: u8,
    },
    /// In chunk extensions.
    Extension {
        size: u64,
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
    /// In a line of the trailer section.
    Trailer,
    TrailerLf,
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

/// What was taken of some bytes.
pub(super) struct Taken {
    pub(super) count: usize,
    /// Whether the body ends there.
    pub(super) is_end: bool,
}

impl Default for Chunks {
    fn default() -> Self {
        Self {
            at: At::Size { size: 0, digits: 0 },
            extensions: 0,
            line: Vec::new(),
            before: 0,
            trailers: HeaderMap::new(),
        }
    }
}

impl Chunks {
    /// How many octets of content come next.
    pub(super) const fn octets(&self) -> u64 {
        match self.at {
            At::Data { left } => left,
            At::Size { .. }
            | At::Extension { .. }
            | At::SizeLf { .. }
            | At::DataCr
            | At::DataLf
            | At::Trailer
            | At::TrailerLf => 0,
        }
    }

    /// The trailer section, where it has a field.
    pub(super) fn take_trailers(&mut self) -> Option<HeaderMap> {
        let trailers = std::mem::take(&mut self.trailers);
        (!trailers.is_empty()).then_some(trailers)
    }

    /// Takes one part of the body off the front of `bytes`, of which there is at least one.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<Taken, Malformed> {
        let byte = bytes[0];
        let mut count = 1;
        self.at = match self.at {
            At::Size { size, digits } => Self::size(size, digits, byte)?,
            At::Extension { size, at } if byte == b'\r' && at.may_end() => At::SizeLf { size },
            At::Extension { size, at } => self.extension(size, at, byte)?,
            At::SizeLf { size: 0 } if byte == b'\n' => At::Trailer,
            At::SizeLf { size } if byte == b'\n' => At::Data { left: size },
            At::Data { left } => {
                count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                match left - count as u64 {
                    0 => At::DataCr,
                    left => At::Data { left },
                }
            }
            At::DataCr if byte == b'\r' => At::DataLf,
            At::DataLf if byte == b'\n' => At::Size { size: 0, digits: 0 },
            At::Trailer if byte == b'\r' => At::TrailerLf,
            At::Trailer if byte != b'\n' => self.trailer(byte)?,
            At::TrailerLf if byte == b'\n' && self.line.is_empty() => {
                return Ok(Taken {
                    count,
                    is_end: true,
                });
            }
            At::TrailerLf if byte == b'\n' => self.end_trailer()?,
            At::SizeLf { .. } | At::DataCr | At::DataLf | At::Trailer | At::TrailerLf => {
                return Err(Malformed::Chunk);
            }
        };
        Ok(Taken {
            count,
            is_end: false,
        })
    }

    fn size(size: u64, digits: u8, byte: u8) -> Result<At, Malformed> {
        match byte {
            b'\r' if digits > 0 => Ok(At::SizeLf { size }),
            b';' if digits > 0 => Ok(At::Extension {
                size,
                at: ExtensionAt::Name,
            }),
            _ => {
                let digit = char::from(byte).to_digit(16).ok_or(Malformed::Chunk)?;
                // Sixteen digits fill 64 bits, leading zeros and all.
                let digits = (digits < 16)
                    .then_some(digits + 1)
                    .ok_or(Malformed::Chunk)?;
                Ok(At::Size {
                    size: size << 4 | u64::from(digit),
                    digits,
                })
            }
        }
    }

    fn extension(&mut self, size: u64, at: ExtensionAt, byte: u8) -> Result<At, Malformed> {
        self.extensions += 1;
        if self.extensions > EXTENSION_LIMIT {
            return Err(Malformed::ChunkExtension);
        }
        let at = at.step(byte)?;
        Ok(At::Extension { size, at })
    }

    fn trailer(&mut self, byte: u8) -> Result<At, Malformed> {
        if self.before + self.line.len() >= TRAILER_LIMIT {
            return Err(Malformed::Trailer);
        }
        self.line.push(byte);
        Ok(At::Trailer)
    }

    fn end_trailer(&mut self) -> Result<At, Malformed> {
        let (name, value) = head::check_trailer(&self.line)?;
        if self.trailers.len() == FIELD_LIMIT {
            return Err(Malformed::Trailer);
        }
        let name = HeaderName::from_bytes(name).map_err(|_known| Malformed::Trailer)?;
        let value = HeaderValue::from_bytes(value).map_err(|_known| Malformed::Trailer)?;
        let appended = self.trailers.try_append(name, value);
        appended.map_err(|_full| Malformed::Trailer)?;
        self.before += self.line.len();
        self.line.clear();
        Ok(At::Trailer)
    }
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
