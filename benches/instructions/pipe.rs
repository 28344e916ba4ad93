//! A connection in memory that allocates nothing once it is made, and costs little: what is counted is the gateway's.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use writegate::wire::{Hangup, Socket};

/// More than is ever on its way.
const CAPACITY: usize = 16 * 1024;

/// One direction.
struct Flow {
    bytes: Vec<u8>,
    reader: Option<Waker>,
}

impl Flow {
    fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(CAPACITY),
            reader: None,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        assert!(
            self.bytes.len() + bytes.len() <= CAPACITY,
            "more on its way than there is room for"
        );
        self.bytes.extend_from_slice(bytes);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        match &mut self.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            None => self.reader = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

struct Wire {
    to_near: Flow,
    to_far: Flow,
}

/// A new connection, which nobody ever ends.
pub(crate) fn pipe() -> (Pipe, Far) {
    let wire = Rc::new(RefCell::new(Wire {
        to_near: Flow::new(),
        to_far: Flow::new(),
    }));
    (Pipe(Rc::clone(&wire)), Far(wire))
}

/// The gateway's end.
pub(crate) struct Pipe(Rc<RefCell<Wire>>);

impl Socket for Pipe {
    fn hangup(&self) -> Option<Hangup> {
        None
    }

    fn poll_stirred(&self, cx: &mut Context<'_>) -> Poll<()> {
        let flow = &mut self.0.borrow_mut().to_near;
        if flow.bytes.is_empty() {
            flow.wait(cx)
        } else {
            Poll::Ready(())
        }
    }

    fn reset_on_drop(&self) {}
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let flow = &mut self.0.borrow_mut().to_near;
        if flow.bytes.is_empty() {
            return flow.wait(cx);
        }
        let count = buf.remaining().min(flow.bytes.len());
        buf.put_slice(&flow.bytes[..count]);
        flow.bytes.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().to_far.write(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let flow = &mut self.0.borrow_mut().to_far;
        parts.iter().for_each(|part| flow.write(part));
        Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()))
    }

    /// As for a socket.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The client's end, or the origin's.
pub(crate) struct Far(Rc<RefCell<Wire>>);

impl Far {
    pub(crate) fn send(&self, bytes: &[u8]) {
        self.0.borrow_mut().to_near.write(bytes);
    }

    /// Takes what comes, through the end of one message, which has to begin with this.
    pub(crate) async fn take(&self, beginning: &[u8], end: &[u8]) {
        poll_fn(|cx| {
            let flow = &mut self.0.borrow_mut().to_far;
            if !flow.bytes.ends_with(end) {
                return flow.wait(cx);
            }
            assert!(
                flow.bytes.starts_with(beginning),
                "{}",
                String::from_utf8_lossy(&flow.bytes)
            );
            flow.bytes.clear();
            Poll::Ready(())
        })
        .await;
    }
}
