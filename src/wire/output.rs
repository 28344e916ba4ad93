//! A message of HTTP/1.1 as it is written: what of it is gathered, and how its content is framed (RFC 9112 §6).
//!
//! Invariants:
//! - Its content has the length that its head says, or is chunked, or ends with the connection; one that does not come whole is
//!   never ended as if it had.

use std::io::{self, IoSlice, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use thiserror::Error;
use tokio::io::AsyncWrite;

use crate::policy::eights::make_lowercase;

/// How much is gathered before it is written.
const TOGETHER: usize = 16 * 1024;

/// A part of a body up to this size is copied behind what is gathered; a larger one is written from where it is.
const COPIED: usize = 4 * 1024;

/// The least room that is taken: most heads need no more. Grown by doubling, it would leave a hole of each smaller size between what stays.
const ROOM: usize = 512;

/// The most room that is kept when all is written.
const KEPT: usize = 4 * 1024;

/// What ends a chunk.
const CHUNK_END: &[u8] = b"\r\n";

/// How content is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed {
    /// So many octets.
    Length(u64),
    /// In chunks.
    Chunked,
    /// By the end of the connection.
    Close,
}

/// Content that is not as long as its head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the content is not as long as its head says")]
pub struct OutOfLength;

/// A message on its way.
#[derive(Debug)]
pub struct Output {
    framed: Framed,
    /// What is to be written, and how much of it has been.
    out: Vec<u8>,
    written: usize,
    /// What is to be written after that.
    data: Bytes,
    /// Whether `data` is of a chunk, which has an end.
    is_chunk_open: bool,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            framed: Framed::Length(0),
            out: Vec::new(),
            written: 0,
            data: Bytes::new(),
            is_chunk_open: false,
        }
    }
}

impl Output {
    /// Begins with a message whose content will be `framed` like this. What of its head is to be written goes to what is
    /// returned.
    pub fn begin(&mut self, framed: Framed) -> &mut Vec<u8> {
        *self = Self {
            framed,
            out: std::mem::take(&mut self.out),
            ..Self::default()
        };
        self.out.clear();
        self.out.reserve(ROOM);
        &mut self.out
    }

    /// Whether as much is gathered as is written together.
    pub fn is_full(&self) -> bool {
        !self.data.is_empty() || self.out.len() >= TOGETHER
    }

    /// How many bytes wait to be written.
    pub fn waiting(&self) -> usize {
        self.out.len() - self.written + self.data.len()
    }

    /// Adds some of the content. Not to be called while it is full.
    pub fn add(&mut self, data: Bytes) -> Result<(), OutOfLength> {
        if data.len() > COPIED {
            self.begin_part(data.len())?;
            self.is_chunk_open = self.framed == Framed::Chunked;
            self.data = data;
            return Ok(());
        }
        self.copy(&data)
    }

    /// The same, of content that somebody keeps.
    pub fn add_kept(&mut self, data: &Bytes) -> Result<(), OutOfLength> {
        if data.len() > COPIED {
            self.add(data.clone())
        } else {
            self.copy(data)
        }
    }

    /// The same, of content of which a copy is made, however large it is.
    pub fn copy(&mut self, data: &[u8]) -> Result<(), OutOfLength> {
        self.begin_part(data.len())?;
        self.out.extend_from_slice(data);
        // The last chunk is the empty one.
        if self.framed == Framed::Chunked && !data.is_empty() {
            self.out.extend_from_slice(CHUNK_END);
        }
        Ok(())
    }

    /// Begins with so many octets.
    fn begin_part(&mut self, octets: usize) -> Result<(), OutOfLength> {
        match &mut self.framed {
            Framed::Length(left) => {
                *left = left.checked_sub(octets as u64).ok_or(OutOfLength)?;
            }
            Framed::Chunked if octets > 0 => {
                // Nothing fails that is written to memory.
                let _ = write!(self.out, "{octets:x}\r\n");
            }
            Framed::Chunked | Framed::Close => {}
        }
        Ok(())
    }

    /// Ends the content. Only in chunks there is room for a trailer section.
    pub fn end(&mut self, trailers: Option<&HeaderMap>) -> Result<(), OutOfLength> {
        match self.framed {
            Framed::Length(0) | Framed::Close => Ok(()),
            Framed::Length(_) => Err(OutOfLength),
            Framed::Chunked => {
                self.out.extend_from_slice(b"0\r\n");
                if let Some(trailers) = trailers {
                    encode_fields(trailers, &mut self.out);
                }
                self.out.extend_from_slice(b"\r\n");
                Ok(())
            }
        }
    }

    /// The message is over: gives back the room that it took.
    pub fn rest(&mut self) {
        self.out.shrink_to(KEPT);
    }

    /// Ready when all that was gathered is written.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        mut socket: Pin<&mut impl AsyncWrite>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.out.len() || !self.data.is_empty() {
            let out = &self.out[self.written..];
            let count = ready!(if self.data.is_empty() {
                socket.as_mut().poll_write(cx, out)
            } else {
                let end = if self.is_chunk_open { CHUNK_END } else { b"" };
                let parts = [out, &self.data, end].map(IoSlice::new);
                socket.as_mut().poll_write_vectored(cx, &parts)
            })?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.wrote(count);
        }
        self.out.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// So many bytes were written of what is gathered, the data behind it, and its end.
    fn wrote(&mut self, count: usize) {
        let of_out = count.min(self.out.len() - self.written);
        self.written += of_out;
        let of_data = self.data.len().min(count - of_out);
        self.data.advance(of_data);
        if self.data.is_empty() && std::mem::take(&mut self.is_chunk_open) {
            self.out.clear();
            self.written = 0;
            self.out
                .extend_from_slice(&CHUNK_END[count - of_out - of_data..]);
        }
    }
}

/// Writes the lines of these fields.
pub fn encode_fields(fields: &HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in fields {
        encode_line(name.as_str().as_bytes(), value.as_bytes(), out);
    }
}

/// Writes a field line as it came: its name in lower case, where it does not go on as it `is_cased`.
pub fn encode_as_came(name: &[u8], value: &[u8], is_cased: bool, out: &mut Vec<u8>) {
    let at = out.len();
    encode_line(name, value, out);
    if !is_cased {
        make_lowercase(&mut out[at..][..name.len()]);
    }
}

/// The number of octets that a `Content-Length` tells, if it is one.
pub fn length(value: &[u8]) -> Option<u64> {
    str::from_utf8(value).ok()?.parse().ok()
}

/// Writes a field line.
pub fn encode_line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
