//! One connection from a client.
//!
//! Invariants:
//! - What is read of it has passed the check, head by whole head; after a request that did not, nothing is read.
//! - An informational response is written between messages, never inside one.
//! - Nothing that the client sends after the last answer is read as a request: it is discarded.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::task::unconstrained;
use tokio::time::timeout;

use super::content::Piece;
use super::interims::Interims;
use super::linger::{LINGER, linger};
use super::requests::Requests;
use super::scratch::poll_read;
use super::stall::Stall;
use super::{Client, Hangup, Socket};
use crate::policy::head::{Limits, Malformed, ParsedRequest};

/// The most octets of a body that are skipped where nobody takes it.
const SKIPPED: usize = 64 * 1024;

/// A connection whose requests are read from it, and whose responses are written to it.
pub struct Inbound<S> {
    line: Rc<Line<S>>,
    requests: Requests,
    /// What was read, and not yet taken.
    input: Bytes,
    /// Boxed: it comes once, and most connections rest without it.
    refused: Option<Box<Malformed>>,
    /// Whether the client has ended its side, as far as it was read.
    is_ended: bool,
    stall: Stall,
}

/// The connection as its requests see it.
struct Line<S> {
    socket: RefCell<S>,
    interims: RefCell<Interims>,
    /// What was wrong with a body. Boxed, as it is with a head.
    broken: OnceCell<Box<Malformed>>,
    is_tunnel: Cell<bool>,
    /// How long the client may take nothing.
    patience: Cell<Duration>,
}

/// A body that does not come whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl<S: Socket> Inbound<S> {
    /// Wraps a connection of which `early` was read already, and whose client may take nothing for as long as
    /// `patience`, until a response says otherwise. How the names of fields are written is kept where they are `cased`.
    pub fn new(
        socket: S,
        early: BytesMut,
        patience: Duration,
        (limits, cased): (Limits, bool),
    ) -> Self {
        let line = Line {
            socket: RefCell::new(socket),
            interims: RefCell::default(),
            broken: OnceCell::new(),
            is_tunnel: Cell::new(false),
            patience: Cell::new(patience),
        };
        Self {
            line: Rc::new(line),
            requests: Requests::new(limits, cased),
            input: early.freeze(),
            refused: None,
            is_ended: false,
            stall: Stall::default(),
        }
    }

    /// The client's end of this connection.
    pub fn client(&self) -> Rc<dyn Client> {
        Rc::clone(&self.line) as Rc<dyn Client>
    }

    /// Whether the client has taken nothing of an answer for too long.
    pub const fn is_given_up(&self) -> bool {
        self.stall.is_over()
    }

    /// What was wrong with the head of a request.
    pub fn refused(&self) -> Option<Malformed> {
        self.refused.as_deref().copied()
    }

    /// Refuses the request whose head is wrong, or half here for too long.
    pub fn refuse(&mut self, why: Malformed) {
        self.refused = Some(Box::new(why));
    }

    /// Whether a head is half here.
    pub const fn is_in_head(&self) -> bool {
        self.requests.is_in_head()
    }

    /// Whether the body of a request is not all taken.
    pub const fn is_in_body(&self) -> bool {
        self.requests.is_in_body()
    }

    /// Whether something was read and is not taken.
    pub fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// How many octets of content the request has yet, where that is known.
    pub const fn left(&self) -> Option<u64> {
        self.requests.left()
    }

    /// The head of the next request; none where none comes any more, or what comes is refused.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<ParsedRequest>>> {
        loop {
            match self.requests.head(&mut self.input) {
                Ok(Some(parsed)) => return Poll::Ready(Ok(Some(parsed))),
                Ok(None) => {}
                Err(why) => {
                    self.refuse(why);
                    return Poll::Ready(Ok(None));
                }
            }
            if !ready!(self.poll_input(cx))? {
                return Poll::Ready(Ok(None));
            }
        }
    }

    /// The next piece of a request's body; none at its end.
    pub fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Piece>, Broken>> {
        while self.requests.is_in_body() {
            if self.line.broken.get().is_some() {
                return Poll::Ready(Err(Broken));
            }
            match self.requests.content(&mut self.input) {
                Ok(Some(piece)) => return Poll::Ready(Ok(Some(piece))),
                Ok(None) if !self.requests.is_in_body() => break,
                Ok(None) => {}
                Err(why) => {
                    // It is found once: nothing is read behind it.
                    let _ = self.line.broken.set(Box::new(why));
                    return Poll::Ready(Err(Broken));
                }
            }
            match ready!(self.poll_input(cx)) {
                Ok(true) => {}
                Ok(false) | Err(_) => return Poll::Ready(Err(Broken)),
            }
        }
        Poll::Ready(Ok(None))
    }

    /// The content of the request, where all of it is here.
    pub fn take_content(&mut self) -> Option<Bytes> {
        self.requests.whole_content(&mut self.input)
    }

    /// Writes what it can of the informational responses that wait.
    pub fn write_interims(&mut self, cx: &mut Context<'_>) {
        // What fails is met again by the next write.
        let _ = self.line.poll_interims(cx);
    }

    /// Skips what is here of a body, up to a bound. Whether that was all of it.
    pub fn skip_content(&mut self, cx: &mut Context<'_>) -> bool {
        let mut skipped = 0;
        while skipped < SKIPPED {
            match self.poll_content(cx) {
                Poll::Ready(Ok(Some(Piece::Data(data)))) => skipped += data.len(),
                Poll::Ready(Ok(Some(Piece::Trailers(_)))) => {}
                Poll::Ready(Ok(None)) => return true,
                Poll::Ready(Err(Broken)) | Poll::Pending => return false,
            }
        }
        false
    }

    /// Reads what is there. False at the end.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.is_ended {
            return Poll::Ready(Ok(false));
        }
        // All of it was taken. Empty as it is, it would keep what was read while nothing comes.
        self.input = Bytes::new();
        let sure = self.requests.octets();
        let mut socket = self.line.socket.borrow_mut();
        self.input = ready!(poll_read(Pin::new(&mut *socket), cx, sure))?;
        self.is_ended = self.input.is_empty();
        Poll::Ready(Ok(!self.is_ended))
    }

    /// What was read and is not of HTTP.
    pub fn take_rest(&mut self) -> Bytes {
        std::mem::take(&mut self.input)
    }

    /// Ends the connection in stages, with `last` as the last that is written.
    pub async fn close(mut self, last: &[u8]) {
        if let Ok(Ok(())) = timeout(LINGER, self.write_all(last)).await {
            linger(&self.line.socket, async || self.is_more_coming().await).await;
        }
    }

    /// Ends the connection at once, in the middle of an answer: nothing may seem whole that is not.
    pub fn cut(self) {
        self.line.socket.borrow().reset_on_drop();
    }

    /// Whether closing now could destroy what was written: the kernel resets a connection that is
    /// closed with bytes unread.
    async fn is_more_coming(&self) -> bool {
        if self.is_ended {
            return false;
        }
        let is_broken = self.refused.is_some() || self.line.broken.get().is_some();
        let is_between = !self.is_in_head() && !self.is_in_body();
        let is_at_rest = !is_broken && is_between && self.input.is_empty();
        let is_quiet = unconstrained(poll_fn(|cx| {
            Poll::Ready(self.line.poll_stirred(cx).is_pending())
        }));
        !(is_at_rest && is_quiet.await)
    }
}

/// For what is no longer HTTP.
impl<S: Socket> AsyncRead for Inbound<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.line.socket.borrow_mut()).poll_read(cx, buf)
    }
}

impl<S: Socket> Inbound<S> {
    /// Passes a write on, or finds that the client has taken nothing for too long.
    fn pass_on(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let written = match self.line.poll_interims(cx) {
            Poll::Ready(Ok(())) => write(Pin::new(&mut *self.line.socket.borrow_mut()), cx),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        self.bounded(cx, written)
    }

    fn bounded<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let line = &*self.line;
        if line.is_tunnel.get() {
            self.stall.end();
            return written;
        }
        let taken = line.socket.borrow().written();
        self.stall.bound(cx, written, taken, line.patience.get())
    }
}

impl<S: Socket> AsyncWrite for Inbound<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pass_on(cx, |socket, cx| socket.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pass_on(cx, |socket, cx| socket.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.line.socket.borrow().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.line.poll_interims(cx))?;
        let flushed = Pin::new(&mut *self.line.socket.borrow_mut()).poll_flush(cx);
        self.bounded(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.line.socket.borrow_mut()).poll_shutdown(cx)
    }
}

impl<S: Socket> Line<S> {
    fn poll_interims(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut interims = self.interims.borrow_mut();
        if interims.is_empty() {
            return Poll::Ready(Ok(()));
        }
        interims.poll_write(cx, Pin::new(&mut *self.socket.borrow_mut()))
    }
}

impl<S: Socket> Client for Line<S> {
    fn hangup(&self) -> Option<Hangup> {
        self.socket.borrow().hangup()
    }

    fn poll_stirred(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.socket.borrow().poll_stirred(cx)
    }

    fn send_interim(&self, status: StatusCode, fields: &HeaderMap, cx: &mut Context<'_>) {
        self.interims.borrow_mut().add(status, fields);
        // What cannot be written now, or failed, is met again by the next write.
        let _ = self.poll_interims(cx);
    }

    fn begin_final(&self, patience: Duration) {
        self.patience.set(patience);
        self.interims.borrow_mut().end();
    }

    fn tunnel(&self) {
        self.is_tunnel.set(true);
    }

    fn broken_body(&self) -> Option<Malformed> {
        self.broken.get().map(|why| **why)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A stream that takes all that is written, and keeps it back.
    struct Holding;

    impl Socket for Holding {
        fn hangup(&self) -> Option<Hangup> {
            None
        }

        fn poll_stirred(&self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Pending
        }

        fn reset_on_drop(&self) {}
    }

    impl AsyncRead for Holding {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Holding {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(buf.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_was_read_is_let_go_while_nothing_comes() {
        let terms = (Limits::default(), false);
        let mut inbound = Inbound::new(Holding, BytesMut::new(), Duration::ZERO, terms);
        for request in [
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "\r\n",
        ] {
            let read: Arc<[u8]> = Arc::from(request.as_bytes());
            inbound.input = Bytes::from_owner(Arc::clone(&read));
            poll_fn(|cx| {
                while inbound.poll_head(cx).is_ready() {
                    let over = inbound.poll_content(cx);
                    assert!(matches!(over, Poll::Ready(Ok(None))));
                }
                Poll::Ready(())
            })
            .await;
            assert_eq!(Arc::strong_count(&read), 1, "{request:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_keeps_something_back_has_its_bound() {
        let patience = Duration::from_secs(10);
        let terms = (Limits::default(), false);
        let mut inbound = Inbound::new(Holding, BytesMut::new(), patience, terms);
        inbound
            .write_all(b"HTTP/1.1 200 OK")
            .await
            .expect("it is taken");
        let flushed = timeout(Duration::from_secs(60), inbound.flush()).await;
        let fault = flushed.expect("it is bounded").unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::TimedOut);
        assert!(inbound.is_given_up());
    }
}
