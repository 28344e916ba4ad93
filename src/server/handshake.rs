//! The beginning of a connection that is to speak TLS.
//!
//! Invariants:
//! - It happens on the worker, and is bounded by `head_timeout`: whoever is slow at it holds up no other.
//! - A client that speaks plain HTTP is told so in plain HTTP, and nothing that it asks is done.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::http1::last;
use crate::gateway::Gateway;
use crate::policy::head::Malformed;
use crate::tls::ServerConfig;
use crate::upstream::Connect;
use crate::wire::{Inbound, Secure, Stream};

/// Shakes hands with a client. None if that comes to nothing.
pub(super) async fn shake_hands<C: Connect>(
    gateway: &Gateway<C>,
    stream: TcpStream,
    client: IpAddr,
    config: Arc<ServerConfig>,
) -> Option<Secure> {
    let server = &gateway.config().server;
    let until = Instant::now() + server.limits.head_timeout;
    let mut first = [0];
    let Ok(Ok(1)) = timeout_at(until, stream.peek(&mut first)).await else {
        return None;
    };
    if is_plain(first[0]) {
        let answer = last(gateway.refuse(Malformed::NotTls, Some(client)));
        close(gateway, stream, &answer).await;
        return None;
    }
    match timeout_at(until, Secure::accept(stream, config)).await {
        Ok(Ok(secure)) => return Some(secure),
        Ok(Err((error, stream))) => {
            debug!(%error, %client, "a client and the gateway do not agree on TLS");
            // Politely, so that the alert that says why arrives.
            close(gateway, stream, &[]).await;
        }
        Err(_) => debug!(%client, "a client was too slow to agree on TLS"),
    }
    None
}

/// Whether this is how a method begins, and no record of TLS (RFC 8446 §5.1).
const fn is_plain(first: u8) -> bool {
    first.is_ascii_alphabetic()
}

async fn close<C: Connect>(gateway: &Gateway<C>, stream: TcpStream, last: &[u8]) {
    let server = &gateway.config().server;
    let stream = Stream::Tcp(stream);
    let inbound = Inbound::new(
        stream,
        BytesMut::new(),
        server.idle_timeout,
        (server.limits.head, false),
    );
    inbound.close(last).await;
}
