//! One connection to the upstream, as the bytes that go over it.
//!
//! Invariants:
//! - [`Traffic::has_sent`] is about what the kernel took, not what it was given: until then,
//!   nothing of a request was sent. Within TLS a byte counts from when it was taken to be encrypted: some of it may be
//!   with the kernel by then, and nothing that was sent may seem not to have been.
//! - A write that fails after bytes were sent does not end the connection: the upstream may have
//!   answered early and closed, and that answer is still to be read.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::Socket;

/// What has passed over one connection to the upstream in the exchange that it is used for.
#[derive(Debug)]
pub struct Traffic {
    written: Cell<u64>,
    read: Cell<u64>,
    last_byte: Rc<Cell<Instant>>,
    last_heard: Cell<Instant>,
    is_deaf: Cell<bool>,
}

impl Traffic {
    fn new() -> Self {
        Self {
            written: Cell::new(0),
            read: Cell::new(0),
            last_byte: Rc::new(Cell::new(Instant::now())),
            last_heard: Cell::new(Instant::now()),
            is_deaf: Cell::new(false),
        }
    }

    /// A new exchange begins at `now`: nothing of it was sent, and nothing has come. The first on a connection begins with that.
    pub fn begin(&self, now: Instant) {
        self.written.set(0);
        self.read.set(0);
        self.last_byte.set(now);
    }

    /// When a byte last came; before any did, when the connection was made.
    pub fn last_heard(&self) -> Instant {
        self.last_heard.get()
    }

    /// How many bytes the kernel has taken.
    pub fn written(&self) -> u64 {
        self.written.get()
    }

    fn wrote(&self, count: u64) {
        if count > 0 {
            self.written.set(self.written.get() + count);
            self.last_byte.set(Instant::now());
        }
    }

    /// Whether the kernel has taken a byte.
    pub fn has_sent(&self) -> bool {
        self.written.get() > 0
    }

    /// Whether a byte has come.
    pub fn has_received(&self) -> bool {
        self.read.get() > 0
    }

    /// When a byte last went or came; before any did, when the exchange began.
    pub fn last_byte(&self) -> &Rc<Cell<Instant>> {
        &self.last_byte
    }

    /// Whether the upstream no longer takes what is written.
    pub fn is_deaf(&self) -> bool {
        self.is_deaf.get()
    }
}

/// The stream that is read from and written to.
#[derive(Debug)]
pub struct Outbound<S> {
    socket: S,
    traffic: Rc<Traffic>,
}

impl<S> Outbound<S> {
    /// Wraps a connection that was just made.
    pub fn new(socket: S) -> Self {
        Self {
            socket,
            traffic: Rc::new(Traffic::new()),
        }
    }

    /// What has passed over it.
    pub fn traffic(&self) -> Rc<Traffic> {
        Rc::clone(&self.traffic)
    }

    /// The connection itself, for what is no longer HTTP.
    pub fn into_socket(self) -> S {
        self.socket
    }
}

impl<S: Socket> Outbound<S> {
    /// Whether something may have come that was not read, be it the end.
    pub fn is_stirred(&self) -> bool {
        self.socket.is_stirred()
    }

    /// Writes by `write`, which is given so many bytes, and takes note of what became of them.
    fn write(
        &mut self,
        offered: usize,
        write: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let before = self.socket.written();
        let written = ready!(write(Pin::new(&mut self.socket)));
        let traffic = &self.traffic;
        match written {
            Ok(count) => {
                traffic.wrote(count as u64);
                Poll::Ready(Ok(count))
            }
            Err(error) => {
                // It may have failed with the second half.
                traffic.wrote(self.socket.written() - before);
                self.failed(error).map_ok(|()| offered)
            }
        }
    }

    /// What is made of a write that has failed.
    fn failed(&self, error: io::Error) -> Poll<io::Result<()>> {
        if self.traffic.has_sent() {
            self.traffic.is_deaf.set(true);
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(error))
    }
}

impl<S: Socket> AsyncRead for Outbound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        let count = buf.filled().len() - before;
        if count > 0 {
            let (traffic, now) = (&self.traffic, Instant::now());
            traffic.read.set(traffic.read.get() + count as u64);
            traffic.last_byte.set(now);
            traffic.last_heard.set(now);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for Outbound<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(buf.len(), |socket| socket.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = bufs.iter().map(|buf| buf.len()).sum();
        self.write(offered, |socket| socket.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let before = self.socket.written();
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        if self.socket.written() != before {
            self.traffic.last_byte.set(Instant::now());
        }
        match ready!(flushed) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(error) => self.failed(error),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    use super::super::Hangup;

    /// A stream that keeps back what is written, and breaks: with so many bytes taken by the kernel until then.
    struct Breaking {
        taken: u64,
        written: u64,
    }

    impl Socket for Breaking {
        fn hangup(&self) -> Option<Hangup> {
            None
        }

        fn poll_stirred(&self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Pending
        }

        fn reset_on_drop(&self) {}

        fn written(&self) -> u64 {
            self.written
        }
    }

    impl AsyncRead for Breaking {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Breaking {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.written += self.taken;
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// What becomes of a write, and of a flush after it; and whether anything counts as sent.
    async fn write(taken: u64) -> (bool, bool, bool) {
        // What was taken before is of no concern.
        let mut outbound = Outbound::new(Breaking { taken, written: 7 });
        let traffic = outbound.traffic();
        traffic.begin(Instant::now());
        let written = poll_fn(|cx| Pin::new(&mut outbound).poll_write(cx, b"PUT")).await;
        let flushed = poll_fn(|cx| Pin::new(&mut outbound).poll_flush(cx)).await;
        assert_eq!(traffic.has_sent(), traffic.is_deaf());
        (written.is_ok(), flushed.is_ok(), traffic.has_sent())
    }

    #[tokio::test]
    async fn a_write_that_fails_after_a_part_of_it_went_out_counts_as_sent() {
        assert_eq!(write(0).await, (false, false, false));
        assert_eq!(write(1).await, (true, true, true));
    }
}
