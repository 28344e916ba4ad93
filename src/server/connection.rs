//! One client connection: finds out what is spoken on it, and has that spoken.

use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;

use bytes::BytesMut;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::sleep;

use super::{http1, http2};
use crate::gateway::{Caller, Gateway};
use crate::upstream::Connect;
use crate::wire::{Inbound, Multiplexed, Opening, Protocol, Socket, open};

/// Resolves when the next answer on each connection is to be the last.
pub(super) type Draining = watch::Receiver<bool>;

/// Answers the requests that come over `socket`, until the client has had enough, or `draining` says that the next
/// answers are the last.
pub async fn serve<C: Connect, S: Socket>(
    gateway: Rc<Gateway<C>>,
    mut socket: S,
    address: Option<IpAddr>,
    mut draining: Draining,
) {
    let server = &gateway.config().server;
    let (idle_timeout, limits) = (server.idle_timeout, server.limits);
    let security = socket.security();
    let subject = security.and_then(|security| security.subject.clone());
    let caller = Caller::new(address, security.is_some(), subject);
    let opened = {
        let mut opened = pin!(open(&mut socket, limits.head_timeout));
        tokio::select! {
            biased;
            opened = &mut opened => Some(opened),
            _ = draining.wait_for(|is_draining| *is_draining) => {
                // A request may have come that the runtime has yet to hear of.
                yield_now().await;
                tokio::select! {
                    biased;
                    opened = opened => Some(opened),
                    () = std::future::ready(()) => None,
                }
            }
            () = sleep(idle_timeout) => None,
        }
    };
    let terms = (limits.head, gateway.config().upstream.keep_case);
    let inbound = |socket, early| Inbound::new(socket, early, idle_timeout, terms);
    match opened {
        Some(Ok(Opening {
            protocol,
            early,
            since,
        })) => match protocol {
            Protocol::Http1 => {
                let begun = (inbound(socket, early), since);
                http1::serve(&gateway, begun, caller, &mut draining).await;
            }
            Protocol::Http2 => {
                let begun = (Multiplexed::new(socket, early, idle_timeout), since);
                // Boxed, so that one that speaks HTTP/1.1 does not keep the room for it.
                Box::pin(http2::serve(&gateway, begun, caller, &mut draining)).await;
            }
        },
        // Closed politely, in case something is on its way.
        None => inbound(socket, BytesMut::new()).close(&[]).await,
        Some(Err(_)) => {}
    }
}
