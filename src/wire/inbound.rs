//! One connection from a client, below hyper.
//!
//! Invariants:
//! - What hyper reads has passed the check, head by whole head; after a request that did not, it reads the end.
//! - An informational response is written between messages, never inside one.
//! - Nothing that the client sends after the last answer is read as a request: it is discarded.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::task::unconstrained;
use tokio::time::timeout;

use super::framing::{Followed, Follower};
use super::linger::{LINGER, linger};
use super::stall::Stall;
use super::{Client, Connection, Hangup, Socket, give};
use crate::policy::head::{Limits, Malformed};

/// The most bytes of informational responses that wait to be written.
const INTERIM_LIMIT: usize = 16 * 1024;

/// The stream that hyper reads from and writes to.
pub struct Inbound<S> {
    line: Rc<Line<S>>,
    stall: Stall,
}

struct Line<S> {
    socket: RefCell<S>,
    /// What was read before it was known what the client speaks.
    early: RefCell<BytesMut>,
    follower: RefCell<Follower>,
    /// What was read, has passed the check, and is still to be given to the reader.
    checked: RefCell<BytesMut>,
    refused: Cell<Option<Malformed>>,
    /// Whether the client has ended its side, as far as it was read.
    is_ended: Cell<bool>,
    /// Whether hyper has nothing left to write.
    is_flushed: Cell<bool>,
    /// Whether the socket keeps nothing back of that.
    is_drained: Cell<bool>,
    interim: RefCell<BytesMut>,
    is_tunnel: Cell<bool>,
    /// How long the client may take nothing.
    patience: Cell<Duration>,
}

impl<S: Socket> Inbound<S> {
    /// Wraps a connection of which `early` was read already, and whose client may take nothing for as long as
    /// `patience`, until a response says otherwise.
    pub fn new(socket: S, early: BytesMut, patience: Duration, limits: Limits) -> Self {
        let line = Line {
            socket: RefCell::new(socket),
            early: RefCell::new(early),
            follower: RefCell::new(Follower::new(limits)),
            checked: RefCell::default(),
            refused: Cell::new(None),
            is_ended: Cell::new(false),
            is_flushed: Cell::new(true),
            is_drained: Cell::new(true),
            interim: RefCell::default(),
            is_tunnel: Cell::new(false),
            patience: Cell::new(patience),
        };
        Self {
            line: Rc::new(line),
            stall: Stall::default(),
        }
    }

    /// The client's end of this connection.
    pub fn connection(&self) -> Rc<dyn Connection> {
        Rc::clone(&self.line) as Rc<dyn Connection>
    }

    /// Whether the client has taken nothing of an answer for too long.
    pub const fn is_given_up(&self) -> bool {
        self.stall.is_over()
    }

    /// What was wrong with the request that hyper never saw. One whose body breaks it has seen.
    pub fn refused(&self) -> Option<Malformed> {
        let refused = self.line.refused.get();
        refused.filter(|why| !why.is_in_body())
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
        let line = &*self.line;
        if line.is_ended.get() {
            return false;
        }
        let is_quiet = unconstrained(poll_fn(|cx| {
            Poll::Ready(line.socket.borrow().poll_stirred(cx).is_pending())
        }));
        !(line.is_at_rest() && is_quiet.await)
    }
}

impl<S: Socket> AsyncRead for Inbound<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = &*self.line;
        let before = buf.filled().len();
        loop {
            if give(&line.checked, buf) {
                return Poll::Ready(Ok(()));
            }
            if let Some(why) = line.refused.get() {
                return Poll::Ready(end_before(why));
            }
            if !give(&line.early, buf) {
                ready!(Pin::new(&mut *line.socket.borrow_mut()).poll_read(cx, buf))?;
            }
            let read = &buf.filled()[before..];
            if read.is_empty() {
                line.is_ended.set(true);
                return Poll::Ready(Ok(()));
            }
            let Followed {
                kept,
                passed,
                refused,
            } = line.follower.borrow_mut().follow(read);
            line.refused.set(refused);
            if kept.is_empty() {
                buf.set_filled(before + passed);
                if passed > 0 {
                    return Poll::Ready(Ok(()));
                }
            } else {
                let mut checked = line.checked.borrow_mut();
                checked.extend_from_slice(&kept);
                checked.extend_from_slice(&read[..passed]);
                buf.set_filled(before);
            }
        }
    }
}

/// What hyper reads in place of what was refused: the end, or, since the body of a request that it has must
/// not end as if it were whole, a fault.
fn end_before(refused: Malformed) -> io::Result<()> {
    if refused.is_in_body() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, refused));
    }
    Ok(())
}

impl<S: Socket> Inbound<S> {
    /// Passes a write on, or finds that the client has taken nothing for too long.
    fn pass_on(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let written = match self.line.poll_interim(cx) {
            Poll::Ready(Ok(())) => {
                self.line.is_flushed.set(false);
                self.line.is_drained.set(false);
                write(Pin::new(&mut *self.line.socket.borrow_mut()), cx)
            }
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

    /// hyper flushes when it has nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line.is_flushed.set(true);
        ready!(self.line.poll_interim(cx))?;
        let flushed = Pin::new(&mut *self.line.socket.borrow_mut()).poll_flush(cx);
        self.line.is_drained.set(flushed.is_ready());
        self.bounded(cx, flushed)
    }

    /// Does nothing where HTTP is spoken: [`Inbound::close`] ends the connection, after hyper has
    /// let go of it.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.line.is_tunnel.get() {
            return Pin::new(&mut *self.line.socket.borrow_mut()).poll_shutdown(cx);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> Line<S> {
    fn poll_interim(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut interim = self.interim.borrow_mut();
        while self.is_flushed.get() && !interim.is_empty() {
            let written =
                ready!(Pin::new(&mut *self.socket.borrow_mut()).poll_write(cx, &interim))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            interim.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> Connection for Line<S> {
    fn is_in_head(&self) -> bool {
        self.refused.get().is_none() && self.follower.borrow().is_in_head()
    }

    fn refuse_slow_head(&self) {
        self.refused.set(Some(Malformed::HeadTooSlow));
    }

    fn is_at_rest(&self) -> bool {
        let is_quiet = self.refused.get().is_none() && self.interim.borrow().is_empty();
        is_quiet
            && self.checked.borrow().is_empty()
            && self.early.borrow().is_empty()
            && self.is_flushed.get()
            && self.is_drained.get()
            && self.follower.borrow().is_between_requests()
    }
}

impl<S: Socket> Client for Line<S> {
    fn hangup(&self) -> Option<Hangup> {
        self.socket.borrow().hangup()
    }

    fn poll_stirred(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.early.borrow().is_empty() {
            return Poll::Ready(());
        }
        self.socket.borrow().poll_stirred(cx)
    }

    fn send_interim(&self, status: StatusCode, fields: &HeaderMap, cx: &mut Context<'_>) {
        let head = raw_head(status, fields);
        let mut interim = self.interim.borrow_mut();
        // A client that takes none of what is there loses the next: nobody may depend on one.
        if interim.len() + head.len() <= INTERIM_LIMIT {
            interim.extend_from_slice(&head);
        }
        drop(interim);
        // What cannot be written now, or failed, is met again by hyper's next write.
        let _ = self.poll_interim(cx);
    }

    fn begin_final(&self, patience: Duration) {
        self.patience.set(patience);
        if !self.is_flushed.get() {
            self.interim.borrow_mut().clear();
        }
    }

    fn tunnel(&self) {
        self.is_tunnel.set(true);
        let kept = self.follower.borrow_mut().tunnel();
        self.checked.borrow_mut().extend_from_slice(&kept);
    }

    fn broken_body(&self) -> Option<Malformed> {
        self.refused.get().filter(|why| why.is_in_body())
    }
}

/// The head of a response as it is written.
fn raw_head(status: StatusCode, fields: &HeaderMap) -> Vec<u8> {
    let reason = status.canonical_reason().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    for (name, value) in fields {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    use tokio::task::yield_now;

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

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_keeps_something_back_is_not_at_rest_and_has_its_bound() {
        let patience = Duration::from_secs(10);
        let mut inbound = Inbound::new(Holding, BytesMut::new(), patience, Limits::default());
        let connection = inbound.connection();
        assert!(connection.is_at_rest());
        inbound
            .write_all(b"HTTP/1.1 200 OK")
            .await
            .expect("it is taken");
        let flushing = timeout(Duration::from_secs(60), inbound.flush());
        let watching = async {
            yield_now().await;
            assert!(!connection.is_at_rest(), "what is kept back would never go");
        };
        let (flushed, ()) = tokio::join!(flushing, watching);
        let fault = flushed.expect("it is bounded").unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::TimedOut);
        assert!(inbound.is_given_up());
    }
}
