//! One client connection, from its first byte to its close.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;

use hyper::server::conn::http1::{Builder, Parts};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::sync::watch;
use tracing::debug;

use crate::gateway::{Gateway, Peer};
use crate::policy::head::HEAD_LIMIT;
use crate::upstream::{Connect, Tunnel};
use crate::wire::{Inbound, Socket};

/// The largest part of a message that is kept in memory for one connection; a whole head must fit.
const BUFFER: usize = 2 * HEAD_LIMIT;

/// Answers the requests that come over `socket`, until the client has had enough, or `draining`
/// says that the next answer is the last.
pub async fn serve<C: Connect, S: Socket>(
    gateway: Rc<Gateway<C>>,
    socket: S,
    address: Option<IpAddr>,
    mut draining: watch::Receiver<bool>,
) {
    let inbound = Inbound::new(socket, gateway.config().server.send_timeout);
    let peer = Rc::new(Peer::new(inbound.client(), address));
    let service = service_fn(|request| {
        let (gateway, peer) = (Rc::clone(&gateway), Rc::clone(&peer));
        async move { Ok::<_, Infallible>(gateway.handle(request, &peer).await) }
    });
    let mut http = Builder::new();
    // The raw head was checked by then, so that hyper's own limits are never met.
    http.half_close(true)
        .max_buf_size(BUFFER)
        .max_headers(crate::policy::head::FIELD_LIMIT);
    let mut connection = http.serve_connection(TokioIo::new(inbound), service);
    let ended = {
        let mut draining = pin!(draining.wait_for(|is_draining| *is_draining));
        let mut is_draining = false;
        std::future::poll_fn(|cx| {
            if !is_draining && draining.as_mut().poll(cx).is_ready() {
                is_draining = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
            std::pin::Pin::new(&mut connection).poll(cx)
        })
        .await
    };
    if let Err(error) = &ended {
        debug!(%error, client = address.map(tracing::field::display), "a connection ended early");
    }
    let Parts { io, read_buf, .. } = connection.into_parts();
    let inbound = io.into_inner();
    // The one thing that can fail in a service that never does is the body of its answer.
    if ended.is_err_and(|error| error.is_user()) {
        return inbound.cut();
    }
    match peer.take_tunnel() {
        Some(tunnel) => join(inbound, &read_buf, tunnel).await,
        None => {
            let last = inbound
                .refused()
                .map(|why| gateway.refuse(why))
                .unwrap_or_default();
            inbound.close(&last).await;
        }
    }
}

/// Passes bytes both ways until both ends are done.
async fn join<S: Socket, U: Socket>(mut client: Inbound<S>, from_client: &[u8], tunnel: Tunnel<U>) {
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
