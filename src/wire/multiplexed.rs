//! One connection from a client that speaks HTTP/2, below the library that does.
//!
//! Invariants:
//! - What the library reads has passed the check, frame by whole frame; after a breach it reads the end, and the client is
//!   told the code that belongs to it.
//! - A client that takes nothing of what is to be written is cut in time, whatever its streams wait for.
//! - The connection is closed in stages, so that the last frames arrive.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::linger::linger;
use super::stall::Stall;
use super::{Socket, give};
use crate::policy::frames::{Breach, Frames};

/// The stream that the library reads from and writes to.
pub struct Multiplexed<S> {
    line: Rc<Line<S>>,
    /// How long the client may take nothing.
    patience: Duration,
    stall: Stall,
}

struct Line<S> {
    socket: RefCell<S>,
    /// What was read before it was known what the client speaks.
    early: RefCell<BytesMut>,
    /// Whether the client has ended its side, as far as it was read.
    is_ended: Cell<bool>,
    begun: Instant,
    frames: RefCell<Frames>,
    breach: Cell<Option<Breach>>,
    /// Whether what was written last ended with a frame.
    is_between_frames: Cell<bool>,
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
            begun: Instant::now(),
            frames: RefCell::default(),
            breach: Cell::new(None),
            is_between_frames: Cell::new(true),
        };
        Self {
            line: Rc::new(line),
            patience,
            stall: Stall::default(),
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
        let taken = self.line.socket.borrow().written();
        self.stall.bound(cx, written, taken, self.patience)
    }
}

impl<S: Socket> Rest<S> {
    /// Ends the connection in stages: says that no more comes, and discards for a bounded time what the client still
    /// sends, so that no reset destroys what is on its way.
    pub async fn close(self) {
        let line = &*self.0;
        if let Some(breach) = line.breach.get().filter(|_| line.is_between_frames.get()) {
            let last = goaway(line.frames.borrow().last_stream(), breach);
            // What there is no room for now is not worth waiting for: the close says enough.
            let _ = poll_fn(|cx| {
                let written = Pin::new(&mut *line.socket.borrow_mut()).poll_write(cx, &last);
                Poll::Ready(written.is_ready())
            })
            .await;
        }
        linger(&line.socket, async || !line.is_ended.get()).await;
    }
}

impl<S> Line<S> {
    fn wrote(&self, written: &Poll<io::Result<usize>>, offered: usize) {
        if let Poll::Ready(Ok(count)) = written {
            self.is_between_frames.set(*count == offered);
            self.frames.borrow_mut().taken(*count);
        }
    }
}

/// RFC 9113 §6.8.
fn goaway(last_stream: u32, breach: Breach) -> Vec<u8> {
    const HEADER: [u8; 9] = [0, 0, 8, 7, 0, 0, 0, 0, 0];
    let code = breach as u32;
    [&HEADER[..], &last_stream.to_be_bytes(), &code.to_be_bytes()].concat()
}

impl<S: Socket> AsyncRead for Multiplexed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = &*self.line;
        if line.breach.get().is_some() {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        if !give(&line.early, buf) {
            ready!(Pin::new(&mut *line.socket.borrow_mut()).poll_read(cx, buf))?;
        }
        let read = &buf.filled()[before..];
        line.is_ended.set(read.is_empty());
        let followed = line.frames.borrow_mut().follow(read, line.begun.elapsed());
        line.breach.set(followed.breach);
        buf.set_filled(before + followed.passed);
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
        self.line.wrote(&written, buf.len());
        self.bounded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.line.socket.borrow_mut()).poll_write_vectored(cx, bufs);
        self.line
            .wrote(&written, bufs.iter().map(|buf| buf.len()).sum());
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.line.socket.borrow().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut *self.line.socket.borrow_mut()).poll_flush(cx);
        self.bounded(cx, flushed)
    }

    /// Does nothing: [`Rest::close`] ends the connection, after the library has let go of it.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
