//! A connection in memory, which breaks in all the ways in which one over TCP does.
//!
//! The gateway has the near end, a [`Pipe`]; the test has the far end, a [`Far`], and says when it ends
//! its side, closes, or resets. A near end that is closed with bytes unread resets the connection,
//! as a kernel does, and what the far end had not read by then is lost.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::timeout;
use writegate::wire::{Hangup, Socket};

/// The longest that anything is waited for, on the paused clock.
pub(crate) const DEADLINE: Duration = Duration::from_secs(900);

/// What a kernel takes of a peer that does not read.
pub(crate) const CAPACITY: usize = 64 * 1024;

#[derive(Default)]
struct Flow {
    bytes: VecDeque<u8>,
    capacity: usize,
    /// Whether the writer has ended its side.
    is_ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Default)]
struct Wire {
    to_near: Flow,
    to_far: Flow,
    is_reset: bool,
    /// The far end is closed: what is written to it is answered by a reset.
    is_far_closed: bool,
    /// The connection is gone, and the near end does not know it yet: it can neither write nor read.
    is_dead: bool,
    /// The gateway panics when it reads next.
    is_cursed: bool,
    is_near_gone: bool,
    /// Whether the near end, when it last waited, had a buffer at hand to read into.
    has_buffer: bool,
    is_reset_on_drop: bool,
    changed: Rc<Notify>,
}

impl Wire {
    fn wake(&mut self) {
        for flow in [&mut self.to_near, &mut self.to_far] {
            let wakers = [flow.reader.take(), flow.writer.take()];
            wakers.into_iter().flatten().for_each(Waker::wake);
        }
        self.changed.notify_waiters();
    }
}

/// A new connection. Whatever happens on it is told to `changed`.
pub(crate) fn pipe(capacity: usize, changed: &Rc<Notify>) -> (Pipe, Far) {
    let flow = || Flow {
        capacity,
        ..Flow::default()
    };
    let wire = Rc::new(RefCell::new(Wire {
        to_near: flow(),
        to_far: flow(),
        changed: Rc::clone(changed),
        ..Wire::default()
    }));
    (Pipe(Rc::clone(&wire)), Far(wire))
}

/// The gateway's end.
pub(crate) struct Pipe(Rc<RefCell<Wire>>);

impl Socket for Pipe {
    fn hangup(&self) -> Option<Hangup> {
        let wire = self.0.borrow();
        if wire.is_reset || (wire.to_near.is_ended && wire.to_far.is_ended) {
            Some(Hangup::Closed)
        } else {
            wire.to_near.is_ended.then_some(Hangup::HalfClosed)
        }
    }

    fn poll_stirred(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut wire = self.0.borrow_mut();
        if wire.is_reset || wire.to_near.is_ended || !wire.to_near.bytes.is_empty() {
            return Poll::Ready(());
        }
        wire.to_near.reader = Some(cx.waker().clone());
        wire.has_buffer = false;
        Poll::Pending
    }

    fn reset_on_drop(&self) {
        self.0.borrow_mut().is_reset_on_drop = true;
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        assert!(!self.0.borrow().is_cursed, "the test asked for this panic");
        let mut wire = self.0.borrow_mut();
        if !wire.to_near.bytes.is_empty() {
            let count = buf.remaining().min(wire.to_near.bytes.len());
            let read: Vec<u8> = wire.to_near.bytes.drain(..count).collect();
            buf.put_slice(&read);
            wire.wake();
            return Poll::Ready(Ok(()));
        }
        if wire.is_reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if wire.to_near.is_ended {
            return Poll::Ready(Ok(()));
        }
        wire.to_near.reader = Some(cx.waker().clone());
        wire.has_buffer = true;
        Poll::Pending
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut wire = self.0.borrow_mut();
        if wire.is_reset || wire.is_dead || wire.to_far.is_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if wire.is_far_closed {
            wire.is_reset = true;
            wire.wake();
            return Poll::Ready(Ok(buf.len()));
        }
        let room = wire.to_far.capacity.saturating_sub(wire.to_far.bytes.len());
        if room == 0 && !buf.is_empty() {
            wire.to_far.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = room.min(buf.len());
        wire.to_far.bytes.extend(&buf[..count]);
        wire.wake();
        Poll::Ready(Ok(count))
    }

    /// As for a socket: hyper keeps what it writes in the parts in which it came.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = self.0.borrow_mut();
        wire.to_far.is_ended = true;
        wire.wake();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let mut wire = self.0.borrow_mut();
        wire.is_near_gone = true;
        wire.to_far.is_ended = true;
        if wire.is_reset_on_drop || !wire.to_near.bytes.is_empty() {
            wire.is_reset = true;
            wire.to_far.bytes.clear();
        }
        wire.wake();
    }
}

/// How the gateway has ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By a FIN, after all that came.
    Fin,
    /// By a reset, which may have destroyed what came before.
    Reset,
}

/// The test's end. Only what the test says ends the connection: dropping this does nothing.
#[derive(Clone)]
pub(crate) struct Far(Rc<RefCell<Wire>>);

impl Far {
    /// Whether both are the end of one connection.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Sends all of `bytes`, as room allows; what the gateway will never read is let go.
    pub(crate) async fn send(&self, bytes: impl AsRef<[u8]>) {
        let mut rest = bytes.as_ref();
        while !rest.is_empty() {
            rest = &rest[self.send_some(rest)..];
            if !rest.is_empty() {
                let sent = || self.is_gone() || self.room() > 0;
                self.until("room for what is sent", || sent().then_some(()))
                    .await;
                if self.is_gone() {
                    return;
                }
            }
        }
    }

    /// Sends what there is room for. To a gateway that has closed, that is answered by a reset.
    pub(crate) fn send_some(&self, bytes: &[u8]) -> usize {
        let room = self.room();
        let mut wire = self.0.borrow_mut();
        if wire.is_near_gone && !bytes.is_empty() {
            wire.is_reset = true;
            wire.to_far.bytes.clear();
            wire.wake();
            return 0;
        }
        let count = room.min(bytes.len());
        wire.to_near.bytes.extend(&bytes[..count]);
        wire.wake();
        count
    }

    fn room(&self) -> usize {
        let wire = self.0.borrow();
        wire.to_near
            .capacity
            .saturating_sub(wire.to_near.bytes.len())
    }

    /// Ends this side, and goes on reading: a FIN.
    pub(crate) fn finish(&self) {
        self.change(|wire| wire.to_near.is_ended = true);
    }

    /// Closes: a FIN, and whatever comes after it is answered by a reset.
    pub(crate) fn close(&self) {
        self.change(|wire| {
            wire.to_near.is_ended = true;
            wire.is_far_closed = true;
        });
    }

    /// A reset.
    pub(crate) fn reset(&self) {
        self.change(|wire| wire.is_reset = true);
    }

    /// The connection is dead, and the gateway learns of it only when it writes.
    pub(crate) fn die(&self) {
        self.change(|wire| wire.is_dead = true);
    }

    /// The gateway panics at this connection.
    pub(crate) fn panic(&self) {
        self.change(|wire| wire.is_cursed = true);
    }

    fn change(&self, change: impl FnOnce(&mut Wire)) {
        let mut wire = self.0.borrow_mut();
        change(&mut wire);
        wire.wake();
    }

    /// What has come and was not read, to look at.
    pub(crate) fn peek(&self) -> Vec<u8> {
        self.0.borrow().to_far.bytes.iter().copied().collect()
    }

    /// How many bytes were sent and not yet read by the gateway.
    pub(crate) fn unread(&self) -> usize {
        self.0.borrow().to_near.bytes.len()
    }

    /// How the gateway has ended its side, if it has.
    pub(crate) fn ended(&self) -> Option<End> {
        let wire = self.0.borrow();
        match (wire.is_reset, wire.to_far.is_ended) {
            (true, _) => Some(End::Reset),
            (false, true) => Some(End::Fin),
            (false, false) => None,
        }
    }

    /// Whether the gateway waits for bytes with a buffer at hand to read them into.
    pub(crate) fn is_read_into_a_buffer(&self) -> bool {
        self.0.borrow().has_buffer
    }

    /// Whether the gateway has let go of the connection, and not only ended its side.
    pub(crate) fn is_gone(&self) -> bool {
        let wire = self.0.borrow();
        wire.is_near_gone || wire.is_reset
    }

    /// Takes up to `count` bytes of what is here.
    pub(crate) fn take(&self, count: usize) -> Vec<u8> {
        let mut wire = self.0.borrow_mut();
        let count = count.min(wire.to_far.bytes.len());
        if count == 0 {
            return Vec::new();
        }
        let taken = wire.to_far.bytes.drain(..count).collect();
        wire.wake();
        taken
    }

    /// Reads exactly `count` bytes.
    pub(crate) async fn read(&self, count: usize) -> Vec<u8> {
        let mut read = Vec::new();
        while read.len() < count {
            self.until("bytes", || {
                let is_here = !self.0.borrow().to_far.bytes.is_empty();
                assert!(
                    is_here || self.ended().is_none(),
                    "the connection ended ({:?}) after {} of {count} bytes",
                    self.ended(),
                    read.len()
                );
                is_here.then_some(())
            })
            .await;
            read.extend(self.take(count - read.len()));
        }
        read
    }

    /// Reads through the first occurrence of `mark`.
    pub(crate) async fn read_through(&self, mark: &[u8]) -> Vec<u8> {
        let end = self
            .until(&format!("{:?}", String::from_utf8_lossy(mark)), || {
                let here = self.peek();
                let found = here.windows(mark.len()).position(|part| part == mark);
                assert!(
                    found.is_some() || self.ended().is_none(),
                    "the connection ended ({:?}) after {:?}",
                    self.ended(),
                    String::from_utf8_lossy(&here)
                );
                found
            })
            .await;
        self.take(end + mark.len())
    }

    /// Reads all that comes until the gateway ends the connection.
    pub(crate) async fn read_to_end(&self) -> (Vec<u8>, End) {
        let mut read = Vec::new();
        let end = self
            .until("the end of the connection", || {
                read.extend(self.take(usize::MAX));
                self.ended()
            })
            .await;
        read.extend(self.take(usize::MAX));
        (read, end)
    }

    /// Waits until the gateway has ended its side.
    pub(crate) async fn until_ended(&self) -> End {
        self.until("the end of the connection", || self.ended())
            .await
    }

    /// Waits for `what`, which `is_here` sees, and fails when it does not come.
    pub(crate) async fn until<T>(&self, what: &str, is_here: impl FnMut() -> Option<T>) -> T {
        let changed = Rc::clone(&self.0.borrow().changed);
        until(&changed, what, is_here).await
    }
}

/// For a library that speaks over it.
impl AsyncRead for Far {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.take(buf.remaining());
        if !read.is_empty() {
            buf.put_slice(&read);
            return Poll::Ready(Ok(()));
        }
        match self.ended() {
            Some(End::Fin) => Poll::Ready(Ok(())),
            Some(End::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            None => {
                self.0.borrow_mut().to_far.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Far {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = self.send_some(buf);
        if count > 0 || buf.is_empty() {
            return Poll::Ready(Ok(count));
        }
        if self.is_gone() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.0.borrow_mut().to_near.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finish();
        Poll::Ready(Ok(()))
    }
}

/// Waits for `what`, looking for it whenever something has `changed`; fails when it does not come.
pub(crate) async fn until<T>(
    changed: &Notify,
    what: &str,
    mut is_here: impl FnMut() -> Option<T>,
) -> T {
    let waited = timeout(DEADLINE, async {
        loop {
            let change = changed.notified();
            if let Some(found) = is_here() {
                return found;
            }
            change.await;
        }
    });
    waited
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
