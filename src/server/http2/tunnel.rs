//! A stream that carries another protocol: extended CONNECT (RFC 8441), which the upstream gets as an upgrade of HTTP/1.1.
//!
//! Invariants:
//! - A tunnel begins only when the upstream has switched protocols, and each side may end before the other.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderValue, Method, Response, request};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy_bidirectional};
use tracing::debug;

use crate::gateway::Answered;
use crate::upstream::Tunnel;

/// Turns an extended CONNECT into the upgrade that HTTP/1.1 has for it (RFC 8441 §5). False if it is none.
pub(super) fn become_upgrade(head: &mut request::Parts) -> bool {
    let Some(protocol) = head.extensions.get::<Protocol>() else {
        return false;
    };
    let Ok(protocol) = HeaderValue::from_str(protocol.as_str()) else {
        return false;
    };
    head.method = Method::GET;
    head.headers.insert(UPGRADE, protocol);
    head.headers
        .insert(CONNECTION, HeaderValue::from_static("upgrade"));
    // RFC 8441 §5.1: HTTP/2 has none, and nobody compares what is made of this one.
    head.headers
        .insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static(ANY_KEY));
    true
}

/// Sixteen octets, as RFC 6455 §4.1 wants them. It keeps caches of HTTP/1.1 from being fooled, and there is none on the way.
const ANY_KEY: &str = "d3JpdGVnYXRlLXR1bm5lbA==";

/// What a 101 is over HTTP/2: a success, without what belongs to the upgrade alone (RFC 8441 §5).
pub(super) fn begun(switched: Answered) -> Response<()> {
    let mut head = switched.head.into_parts();
    for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT] {
        head.headers.remove(name);
    }
    let mut begun = Response::new(());
    *begun.headers_mut() = head.headers;
    begun
}

/// Passes bytes both ways until both ends are done.
pub(super) async fn join(receive: RecvStream, send: SendStream<Bytes>, tunnel: Tunnel) {
    let (mut upstream, early) = tunnel.await;
    let mut client = Joined {
        receive,
        send,
        rest: Bytes::new(),
    };
    let joined = async {
        client.write_all(&early).await?;
        copy_bidirectional(&mut client, &mut upstream).await
    };
    if let Err(error) = joined.await {
        debug!(%error, "a tunnel broke");
        client.send.send_reset(Reason::CONNECT_ERROR);
    }
}

/// Both directions of a stream.
struct Joined {
    receive: RecvStream,
    send: SendStream<Bytes>,
    /// What was received and not yet read.
    rest: Bytes,
}

impl AsyncRead for Joined {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(self.receive.poll_data(cx)) {
                Some(Ok(data)) => self.rest = data,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = self.rest.len().min(buf.remaining());
        buf.put_slice(&self.rest[..count]);
        self.rest.advance(count);
        let released = self.receive.flow_control().release_capacity(count);
        Poll::Ready(released.map_err(io::Error::other))
    }
}

impl AsyncWrite for Joined {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.send.reserve_capacity(buf.len());
        let room = match ready!(self.send.poll_capacity(cx)) {
            Some(Ok(room)) => room.min(buf.len()),
            Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
            None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        };
        let part = Bytes::copy_from_slice(&buf[..room]);
        let sent = self.send.send_data(part, false);
        Poll::Ready(sent.map(|()| room).map_err(io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = self.send.send_data(Bytes::new(), true);
        Poll::Ready(ended.map_err(io::Error::other))
    }
}
