//! One client connection that speaks HTTP/1.1, from its first byte to its close.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use hyper::server::conn::http1::{Builder, Parts};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::connection::Draining;
use crate::body::Incoming;
use crate::gateway::{Caller, Gateway, Peer};
use crate::policy::head::{FIELD_LIMIT, HEAD_LIMIT};
use crate::upstream::{Connect, Tunnel};
use crate::wire::{Client, Connection, Hangup, Inbound, Socket};

/// The largest part of a message that is kept in memory for one connection; a whole head must fit.
const BUFFER: usize = 2 * HEAD_LIMIT;

/// How often a connection is looked at: one that was idle since the last time gives back its buffers, some
/// 20 KiB of hyper's, and one that waits for the rest of a head waits with a bound.
const LOOK: Duration = Duration::from_secs(1);

/// Answers the requests that come over `socket`, until the client has had enough, or `draining`
/// says that the next answer is the last. A connection on which nothing happens is parked: it keeps
/// its socket and little else.
pub(super) async fn serve<C: Connect, S: Socket>(
    gateway: &Rc<Gateway<C>>,
    mut inbound: Inbound<S>,
    caller: Caller,
    draining: &mut Draining,
) {
    let idle_timeout = gateway.config().server.idle_timeout;
    let connection = inbound.connection();
    let peer = Rc::new(Peer::new(Rc::clone(&connection) as Rc<dyn Client>, caller));
    let line = Line { connection, peer };
    let address = line.peer.caller.address;
    while is_stirred(&*line.connection, draining, idle_timeout).await {
        // Boxed, so that a parked connection does not keep the room for it.
        inbound = match Box::pin(speak(gateway, inbound, &line, draining)).await {
            End::Idle(inbound) => inbound,
            End::Cut(inbound) => return inbound.cut(),
            End::Over(inbound, rest) => {
                return match line.peer.take_tunnel() {
                    Some(tunnel) => join(inbound, &rest, tunnel).await,
                    None => {
                        let last = inbound.refused().map(|why| gateway.refuse(why, address));
                        inbound.close(&last.unwrap_or_default()).await;
                    }
                };
            }
        };
    }
    inbound.close(&[]).await;
}

/// A connection, as itself and as the requests on it see it.
struct Line {
    connection: Rc<dyn Connection>,
    peer: Rc<Peer>,
}

/// Waits until something comes over a parked connection. False if it is to be closed instead.
async fn is_stirred(
    connection: &dyn Connection,
    draining: &mut Draining,
    idle_timeout: Duration,
) -> bool {
    tokio::select! {
        biased;
        () = poll_fn(|cx| connection.poll_stirred(cx)) => true,
        _ = draining.wait_for(|is_draining| *is_draining) => {
            // A request may have come that the runtime has yet to hear of.
            yield_now().await;
            poll_fn(|cx| Poll::Ready(connection.poll_stirred(cx).is_ready())).await
        }
        () = sleep(idle_timeout) => false,
    }
}

/// How HTTP came to an end on a connection.
enum End<S> {
    /// It did not: nothing has happened for a while.
    Idle(Inbound<S>),
    /// In the middle of an answer.
    Cut(Inbound<S>),
    /// After an answer, with what was read behind the last request.
    Over(Inbound<S>, Bytes),
}

/// Speaks HTTP/1.1 over a connection until that ends, or pauses.
async fn speak<C: Connect, S: Socket>(
    gateway: &Rc<Gateway<C>>,
    inbound: Inbound<S>,
    line: &Line,
    draining: &mut Draining,
) -> End<S> {
    let Line {
        connection: client,
        peer,
    } = line;
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let (gateway, peer) = (Rc::clone(gateway), Rc::clone(peer));
        let request = request.map(Incoming::Http1);
        async move { Ok::<_, Infallible>(gateway.handle(request, &peer).await) }
    });
    let mut http = Builder::new();
    // The raw head was checked by then, so that hyper's own limits are never met.
    http.half_close(true)
        .preserve_header_case(gateway.config().upstream.keep_case)
        .max_buf_size(BUFFER)
        .max_headers(FIELD_LIMIT);
    let mut connection = http.serve_connection(TokioIo::new(inbound), service);
    let mut draining = pin!(draining.wait_for(|is_draining| *is_draining));
    let mut is_draining = false;
    let mut look = pin!(sleep(LOOK));
    let (mut begun, mut waited) = (peer.begun(), Duration::ZERO);
    let receive_timeout = gateway.config().server.receive_timeout;
    let ended = poll_fn(|cx| {
        if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
            return Poll::Ready(Some(ended));
        }
        // What has come by now is read before.
        if !is_draining && draining.as_mut().poll(cx).is_ready() {
            is_draining = true;
            Pin::new(&mut connection).graceful_shutdown();
            if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(Some(ended));
            }
        }
        while look.as_mut().poll(cx).is_ready() {
            // Nothing is read from it and perhaps nothing written for long: nobody else would notice.
            if client.hangup() == Some(Hangup::Closed) {
                return Poll::Ready(Some(Ok(())));
            }
            if peer.begun() == begun && peer.is_answered() && client.is_at_rest() {
                return Poll::Ready(None);
            }
            begun = peer.begun();
            waited = if peer.is_answered() && client.is_in_head() {
                waited + LOOK
            } else {
                Duration::ZERO
            };
            if waited >= receive_timeout {
                client.refuse_slow_head();
                return Poll::Ready(Some(Ok(())));
            }
            look.as_mut().reset(Instant::now() + LOOK);
        }
        Poll::Pending
    })
    .await;
    if let Some(Err(error)) = &ended {
        debug!(%error, client = peer.caller.address.map(tracing::field::display), "a connection ended early");
    }
    let Parts { io, read_buf, .. } = connection.into_parts();
    let inbound = io.into_inner();
    match ended {
        None => End::Idle(inbound),
        // The one thing that can fail in a service that never does is the body of its answer. And a client
        // that has not taken all of one must not take it for whole.
        Some(Err(error)) if error.is_user() || inbound.is_given_up() => End::Cut(inbound),
        Some(_) => End::Over(inbound, read_buf),
    }
}

/// Passes bytes both ways until both ends are done.
async fn join<S: Socket>(mut client: Inbound<S>, from_client: &[u8], tunnel: Tunnel) {
    let (mut upstream, from_upstream) = tunnel.await;
    let joined = async {
        upstream.write_all(from_client).await?;
        client.write_all(&from_upstream).await?;
        copy_bidirectional(&mut client, &mut upstream).await
    };
    if let Err(error) = joined.await {
        debug!(%error, "a tunnel broke");
    }
}
