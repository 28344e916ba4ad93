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
use crate::wire::{Inbound, Protocol, Socket, open};

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
    let idle_timeout = gateway.config().server.idle_timeout;
    let security = socket.security();
    let caller = Caller {
        address,
        is_secure: security.is_some(),
        subject: security.and_then(|security| security.subject.clone()),
    };
    let opened = {
        let mut opened = pin!(open(&mut socket));
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
    match opened {
        Some(Ok((Protocol::Http1, early))) => {
            let inbound = Inbound::new(socket, early, idle_timeout);
            http1::serve(&gateway, inbound, caller, &mut draining).await;
        }
        Some(Ok((Protocol::Http2, early))) => {
            http2::serve(&gateway, (socket, early), caller, &mut draining).await;
        }
        // Closed politely, in case something is on its way.
        None => {
            Inbound::new(socket, BytesMut::new(), idle_timeout)
                .close(&[])
                .await;
        }
        Some(Err(_)) => {}
    }
}
