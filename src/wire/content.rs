//! The content of a message of HTTP/1.1 as it comes, to the end that its framing gives it (RFC 9112 §6).

use bytes::{Buf, Bytes};
use http::HeaderMap;

use super::chunks::Chunks;
use crate::policy::head::Malformed;

/// Some of what comes behind a head.
#[derive(Debug)]
pub enum Piece {
    /// Content.
    Data(Bytes),
    /// The trailer section, which ends it.
    Trailers(HeaderMap),
}

/// Where in the content of a message the next byte stands.
#[derive(Debug)]
pub(super) enum Content {
    /// Before so many octets.
    Length(u64),
    /// Boxed: few have chunks, and each connection has the room for its position.
    Chunks(Box<Chunks>),
    /// Before everything that comes until the connection ends.
    Close,
}

impl Content {
    pub(super) fn chunked() -> Self {
        Self::Chunks(Box::default())
    }

    /// Whether all of it was taken.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self, Self::Length(0))
    }

    /// How many octets are sure to come next.
    pub(super) fn octets(&self) -> u64 {
        match self {
            Self::Length(left) => *left,
            Self::Chunks(chunks) => chunks.octets(),
            Self::Close => 0,
        }
    }

    /// How many octets there are yet, where that is known.
    pub(super) const fn left(&self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(*left),
            Self::Chunks(_) | Self::Close => None,
        }
    }

    /// Takes the next piece off the front of `bytes`; none if there is no more in them, or no more is to come.
    pub(super) fn next(&mut self, bytes: &mut Bytes) -> Result<Option<Piece>, Malformed> {
        while !bytes.is_empty() && !self.is_over() {
            match self {
                Self::Length(left) => {
                    let data = split(bytes, *left);
                    *left -= data.len() as u64;
                    return Ok(Some(Piece::Data(data)));
                }
                Self::Chunks(chunks) if chunks.octets() > 0 => {
                    let data = split(bytes, chunks.octets());
                    chunks.step(&data)?;
                    return Ok(Some(Piece::Data(data)));
                }
                Self::Chunks(chunks) => {
                    let taken = chunks.step(bytes)?;
                    bytes.advance(taken.count);
                    if taken.is_end {
                        let trailers = chunks.take_trailers();
                        *self = Self::Length(0);
                        return Ok(trailers.map(Piece::Trailers));
                    }
                }
                Self::Close => return Ok(Some(Piece::Data(std::mem::take(bytes)))),
            }
        }
        Ok(None)
    }
}

/// So many octets off the front, or all.
fn split(bytes: &mut Bytes, octets: u64) -> Bytes {
    let most = usize::try_from(octets).unwrap_or(usize::MAX);
    bytes.split_to(bytes.len().min(most))
}
