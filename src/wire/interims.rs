//! Informational responses on their way to a client (RFC 9110 §15.2).
//!
//! Invariants:
//! - One that was begun is written to its end; one that was not is let go when the final response begins.
//! - A client that takes none of what is there loses the next: nobody may depend on one.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{HeaderMap, StatusCode};
use tokio::io::AsyncWrite;

use super::output::encode_fields;

/// The most bytes that wait to be written.
const LIMIT: usize = 16 * 1024;

/// Those that wait to be written.
#[derive(Default)]
pub(super) struct Interims {
    heads: VecDeque<Bytes>,
    /// Whether a part of the first was written.
    is_begun: bool,
}

impl Interims {
    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Adds one, where there is room for it.
    pub(super) fn add(&mut self, status: StatusCode, fields: &HeaderMap) {
        let head = raw_head(status, fields);
        let waiting: usize = self.heads.iter().map(Bytes::len).sum();
        if waiting + head.len() <= LIMIT {
            self.heads.push_back(head.into());
        }
    }

    /// The final response begins.
    pub(super) fn end(&mut self) {
        self.heads.truncate(usize::from(self.is_begun));
    }

    /// Ready when none waits.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        mut socket: Pin<&mut impl AsyncWrite>,
    ) -> Poll<io::Result<()>> {
        while let Some(head) = self.heads.front_mut() {
            let written = ready!(socket.as_mut().poll_write(cx, head))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            head.advance(written);
            self.is_begun = !head.is_empty();
            if !self.is_begun {
                self.heads.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The head of a response as it is written.
fn raw_head(status: StatusCode, fields: &HeaderMap) -> Vec<u8> {
    let reason = status.canonical_reason().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    encode_fields(fields, &mut head);
    head.extend_from_slice(b"\r\n");
    head
}
