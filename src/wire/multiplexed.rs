//! One connection from a client that speaks HTTP/2, below the library that does.
//!
//! Invariants:
//! - A client that takes nothing of what is to be written is cut in time, whatever its streams wait for.
//! - The connection is closed in stages, so that the last frames arrive.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::linger::linger;
use super::{Socket, give};

/// The stream that the library reads from and writes to.
pub struct Multiplexed<S> {
    line: Rc<Line<S>>,
    /// How long the client may take nothing.
    patience: Duration,
    /// Runs while it does.
    stalled: Option<Pin<Box<Sleep>>>,
}

struct Line<S> {
    socket: RefCell<S>,
    /// What was read before it was known what the client speaks.
    early: RefCell<BytesMut>,
    /// Whether the client has ended its side, as far as it was read.
    is_ended: Cell<bool>,
}

/// What is left of a connection when HTTP has ended on it.
pub struct Rest<S>(Rc<Line<S>>);

impl<S: Socket> Multiplexed<S> {
    /// Wraps a connection of which `early` was read already, and whose client may take nothing for as long as
    /// `patience`.
    pub fn new(socket: S, early: BytesMut, patience: Duration) -> Self {
        let line = Line {
            socket: RefCell::new(socket),
            early: RefCell::new(early),
            is_ended: Cell::new(false),
        };
        Self {
            line: Rc::new(line),
            patience,
            stalled: None,
        }
    }

    /// What there is to close once the library has let go of it.
    pub fn rest(&self) -> Rest<S> {
        Rest(Rc::clone(&self.line))
    }

    fn bounded<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: Socket> Rest<S> {
    /// Ends the connection in stages: says that no more comes, and discards for a bounded time what the client still
    /// sends, so that no reset destroys what is on its way.
    pub async fn close(self) {
        let line = &*self.0;
        linger(&line.socket, async || !line.is_ended.get()).await;
    }
}

impl<S: Socket> AsyncRead for Multiplexed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = &*self.line;
        if give(&line.early, buf) {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut *line.socket.borrow_mut()).poll_read(cx, buf))?;
        line.is_ended.set(buf.filled().len() == before);
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for Multiplexed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.line.socket.borrow_mut()).poll_write(cx, buf);
        self.bounded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.line.socket.borrow_mut()).poll_write_vectored(cx, bufs);
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.line.socket.borrow().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.line.socket.borrow_mut()).poll_flush(cx)
    }

    /// Does nothing: [`Rest::close`] ends the connection, after the library has let go of it.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
