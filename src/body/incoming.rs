//! A body as it comes over a connection, in whichever version of HTTP.
//!
//! Invariants:
//! - A stream that was reset is a fault, for whatever reason: a body that did not come whole never seems to have.
//! - The sender of an HTTP/2 body may send on only as fast as the body is read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;

use super::{Coming, CutShort, UploadFault};

/// What the library that speaks HTTP says of a message or a connection that broke.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The connection below it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It ended too early.
    #[error("the connection ended before the message did")]
    Truncated,
    /// What was to be sent over it did not come.
    #[error(transparent)]
    Upload(#[from] UploadFault),
    /// Over HTTP/2.
    #[error(transparent)]
    Http2(#[from] h2::Error),
    /// What came after the body over HTTP/2 cannot come there.
    #[error("the trailer section has a field that cannot come after the body")]
    Trailers,
}

/// A body that is coming.
#[derive(Debug)]
pub enum Incoming {
    /// There is none, or all of it has come.
    Here(Bytes),
    /// Over HTTP/1.1.
    Http1(Coming),
    /// Over HTTP/2.
    Http2(Streamed),
}

/// A body that is coming over a stream of HTTP/2.
pub struct Streamed {
    stream: RecvStream,
    /// The octets still to come, where the head has said how many there are; the library holds it to that.
    left: Option<u64>,
    has_data: bool,
    /// Asks for the body of a client that waits to be asked.
    ask: Option<Box<dyn FnOnce()>>,
    check: Check,
}

/// Whether a trailer section may be as it is.
type Check = fn(&HeaderMap) -> bool;

impl Streamed {
    /// The body of a message with these `fields`, whose trailer section has to pass `check`. `ask` is called before it is read
    /// for the first time.
    pub fn new(
        stream: RecvStream,
        fields: &HeaderMap,
        check: Check,
        ask: Option<Box<dyn FnOnce()>>,
    ) -> Self {
        let length = fields.get(CONTENT_LENGTH);
        Self {
            stream,
            left: length.and_then(|length| length.to_str().ok()?.parse().ok()),
            has_data: true,
            ask,
            check,
        }
    }
}

impl Incoming {
    /// No body.
    pub const NONE: Self = Self::Here(Bytes::new());

    /// Whether some of it may be on its way yet.
    pub fn is_coming(&self) -> bool {
        !matches!(self, Self::Here(_)) && !self.is_end_stream()
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        match self.get_mut() {
            Self::Here(content) if content.is_empty() => Poll::Ready(None),
            Self::Here(content) => {
                let content = std::mem::take(content);
                Poll::Ready(Some(Ok(Frame::data(content))))
            }
            Self::Http1(body) => {
                let polled = ready!(body.poll_frame(cx));
                Poll::Ready(polled.map(|frame| frame.map_err(|CutShort| HttpError::Truncated)))
            }
            Self::Http2(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Here(content) => content.is_empty(),
            Self::Http1(body) => body.is_ended(),
            Self::Http2(body) => body.stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Here(content) => SizeHint::with_exact(content.len() as u64),
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) if body.stream.is_end_stream() => SizeHint::with_exact(0),
            Self::Http2(body) => body
                .left
                .map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

impl Streamed {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Some(ask) = self.ask.take() {
            ask();
        }
        if self.has_data {
            match ready!(self.stream.poll_data(cx)).transpose()? {
                Some(data) => {
                    self.stream.flow_control().release_capacity(data.len())?;
                    self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                None => self.has_data = false,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(cx))?;
        if trailers
            .as_ref()
            .is_some_and(|fields| !(self.check)(fields))
        {
            return Poll::Ready(Some(Err(HttpError::Trailers)));
        }
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }
}

impl std::fmt::Debug for Streamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streamed")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
