//! Between HTTP and a socket, on both sides: what a byte stream knows and an HTTP library does not tell.
//!
//! Towards clients ([`Inbound`]): requests are read and checked, a hang-up is seen while a response is due, informational
//! responses are written, a client that takes nothing is cut, and a connection is closed in stages, so that a last answer
//! arrives.
//! Towards the upstream ([`Outbound`]): bytes are counted, so that it is known whether anything of a
//! write was sent, and when the upstream was last heard of. Responses are read off them and checked ([`Decoder`]), and what no
//! exchange has asked for is never read.
//! Messages of HTTP/1.1 are written on both sides by one [`Output`].
//!
//! Generic over [`Socket`], so that all of it runs over in-memory pipes as well.

mod batch;
mod calls;
mod chunks;
mod client;
mod content;
mod decoder;
mod heads;
mod inbound;
mod interims;
mod linger;
mod multiplexed;
mod opening;
mod outbound;
mod output;
mod requests;
mod scratch;
mod secure;
mod stall;
mod stream;

pub use batch::Batch;
pub use client::Client;
pub use content::Piece;
pub use decoder::{Decoder, Part};
pub use inbound::{Broken, Inbound};
pub use multiplexed::{Multiplexed, Rest};
pub use opening::{Opening, Protocol, open};
pub use outbound::{Outbound, Traffic};
pub use output::{Framed, OutOfLength, Output, encode_as_came, encode_fields, encode_line, length};
pub use scratch::poll_read;
pub use secure::{Secure, Security};
pub use stream::Stream;

use std::cell::RefCell;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How far a peer has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hangup {
    /// It sends no more (a FIN), and may still read. A close looks the same.
    HalfClosed,
    /// The connection is gone in both directions.
    Closed,
}

/// A byte stream that can tell, without being read, that its peer has left.
pub trait Socket: AsyncRead + AsyncWrite + Unpin + 'static {
    /// How far the peer is known to have left.
    fn hangup(&self) -> Option<Hangup>;

    /// Whether something may have come that was not read, be it the end: a stream may not know better than to read.
    fn is_stirred(&self) -> bool {
        true
    }

    /// Arranges a wake-up for when [`Self::hangup`] may have changed. Ready where bytes that
    /// nobody reads stand in the way of noticing more.
    fn poll_stirred(&self, cx: &mut Context<'_>) -> Poll<()>;

    /// Has the connection end by a reset when it is dropped, where its kind knows one: a message
    /// that ends with its connection would otherwise seem whole.
    fn reset_on_drop(&self);

    /// How many bytes the kernel has taken, where the stream may keep some back that were written to it; 0 where it never
    /// does.
    fn written(&self) -> u64 {
        0
    }

    /// What has been agreed on with the peer, where TLS is spoken.
    fn security(&self) -> Option<&Security> {
        None
    }
}

/// A byte stream that no longer carries HTTP, of whatever kind.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// Gives a reader what is `kept` for it. False if there is nothing.
fn give(kept: &RefCell<BytesMut>, buf: &mut ReadBuf<'_>) -> bool {
    let mut kept = kept.borrow_mut();
    let given = kept.len().min(buf.remaining());
    buf.put_slice(&kept.split_to(given));
    if given > 0 && kept.is_empty() {
        // Its memory goes with it.
        *kept = BytesMut::new();
    }
    given > 0
}

/// What `future` comes to without waiting.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
