//! One client connection: finds out what is spoken on it, and has that spoken.

use std::future::ready;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;

use bytes::BytesMut;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::{http1, http2};
use crate::gateway::{Caller, Gateway};
use crate::upstream::Connect;
use crate::wire::{Inbound, Multiplexed, Opening, Protocol, Socket, open};

/// Resolves when the next answer on each connection is to be the last.
pub(super) type Draining = watch::Receiver<bool>;

/// What answers the requests of a connection.
pub(super) type Served = Pin<Box<dyn Future<Output = ()>>>;

/// Answers the requests that come over `socket`, until the client has had enough, or `draining` says that the next
/// answers are the last.
pub fn serve<C: Connect, S: Socket>(
    gateway: Rc<Gateway<C>>,
    socket: S,
    address: Option<IpAddr>,
    draining: Draining,
) -> impl Future<Output = ()> {
    // Boxed, as all is that is over when a connection rests: it takes little room then.
    let begun = Box::pin(begin(gateway, socket, address, draining));
    async move { begun.await.await }
}

/// Finds out what is spoken over `socket`, and gives what answers it.
pub(super) async fn begin<C: Connect, S: Socket>(
    gateway: Rc<Gateway<C>>,
    socket: S,
    address: Option<IpAddr>,
    mut draining: Draining,
) -> Served {
    match hear(&gateway, socket, address, &mut draining).await {
        Begun::Http1(begun, caller) => Box::pin(http1::serve(gateway, begun, caller, draining)),
        Begun::Http2(begun, caller) => Box::pin(http2::serve(gateway, begun, caller, draining)),
        Begun::Nothing(inbound) => Box::pin(inbound.close(&[])),
        Begun::Failed => Box::pin(ready(())),
    }
}

/// What a client has begun with, since when, and who it is.
enum Begun<S: Socket> {
    Http1((Inbound<S>, Instant), Caller),
    Http2((Multiplexed<S>, Instant), Caller),
    /// Nothing, or nothing yet: the connection is closed politely, in case something is on its way.
    Nothing(Inbound<S>),
    Failed,
}

/// Waits for what is spoken over `socket`.
async fn hear<C: Connect, S: Socket>(
    gateway: &Gateway<C>,
    mut socket: S,
    address: Option<IpAddr>,
    draining: &mut Draining,
) -> Begun<S> {
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
                    () = ready(()) => None,
                }
            }
            () = sleep(idle_timeout) => None,
        }
    };
    let terms = (limits.head, gateway.config().upstream.keep_case);
    let inbound = |socket, early| Inbound::new(socket, early, idle_timeout, terms);
    let Some(opened) = opened else {
        return Begun::Nothing(inbound(socket, BytesMut::new()));
    };
    let Ok(Opening {
        protocol,
        early,
        since,
    }) = opened
    else {
        return Begun::Failed;
    };
    match protocol {
        Protocol::Http1 => Begun::Http1((inbound(socket, early), since), caller),
        Protocol::Http2 => Begun::Http2(
            (Multiplexed::new(socket, early, idle_timeout), since),
            caller,
        ),
    }
}
