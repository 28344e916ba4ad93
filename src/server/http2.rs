//! One client connection that speaks HTTP/2: each of its streams is a request of its own.
//!
//! Invariants:
//! - A stream that is cancelled drops its handler, and nothing else: an exchange under a hold goes on by itself.
//! - What is still at work for streams that are gone counts towards the limit of streams.

mod answer;
mod stream;
mod tunnel;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, timeout_at};
use tracing::debug;

use super::connection::Draining;
use crate::config::Server;
use crate::gateway::{Caller, Gateway};
use crate::upstream::Connect;
use crate::wire::{Multiplexed, Rest, Socket};

/// What a client may send on one stream, and on all of a connection, that nobody has read yet.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// What is kept of a response that its stream has room for and its socket has not.
const SEND_BUFFER: usize = 64 * 1024;

/// Answers the requests that come over a connection of which the beginning was read already.
pub(super) async fn serve<C: Connect, S: Socket>(
    gateway: Rc<Gateway<C>>,
    (multiplexed, since): (Multiplexed<S>, Instant),
    caller: Caller,
    mut draining: Draining,
) {
    let _relay = gateway.limits().tasks.relays().enter();
    let server = &gateway.config().server;
    let address = caller.address;
    let rest = multiplexed.rest();
    let shaking = builder(server).handshake(multiplexed);
    let by = since + server.limits.head_timeout;
    // Boxed: a connection is large, and a task is moved when it starts.
    let ended = match timeout_at(by, Box::pin(shaking)).await {
        Ok(Ok(connection)) => {
            let mut session = Session {
                gateway: Rc::clone(&gateway),
                connection,
                rest: &rest,
                caller,
                streams: JoinSet::new(),
                at_work: Rc::new(()),
            };
            Box::pin(session.run(&mut draining)).await
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(()),
    };
    if let Err(error) = ended {
        debug!(%error, client = address.map(tracing::field::display), "a connection ended early");
    }
    rest.close().await;
}

fn builder(server: &Server) -> Builder {
    let head = server.limits.head;
    // Beyond it the library answers by itself, so that ours, which says more, comes first.
    let most = head.head.saturating_mul(2);
    let most = most.saturating_add(head.fields.saturating_mul(FIELD_EXTRA));
    let mut builder = Builder::new();
    builder
        .enable_connect_protocol()
        .max_concurrent_streams(server.max_streams)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(most).unwrap_or(u32::MAX));
    builder
}

/// What a field counts beside its name and its value (RFC 9113 §6.5.2).
const FIELD_EXTRA: usize = 32;

/// A connection, and what is at work on it.
struct Session<'a, C: Connect, S: Socket> {
    gateway: Rc<Gateway<C>>,
    connection: Connection<Multiplexed<S>, Bytes>,
    /// The same connection below the library.
    rest: &'a Rest<S>,
    caller: Caller,
    /// The requests that are not answered to the end. With the session they are dropped.
    streams: JoinSet<()>,
    /// Every request and every exchange that has not ended has a share of this, whether its stream is still there or not.
    at_work: Rc<()>,
}

impl<C: Connect, S: Socket> Session<'_, C, S> {
    /// Takes requests until the client has no more, is silent for too long, does not come to the end of a head, or is
    /// told that these were the last.
    async fn run(&mut self, draining: &mut Draining) -> Result<(), h2::Error> {
        let idle_timeout = self.gateway.config().server.idle_timeout;
        let mut draining = pin!(draining.wait_for(|is_draining| *is_draining));
        let mut is_ending = false;
        let mut idle = pin!(sleep(idle_timeout));
        let mut late = pin!(sleep(idle_timeout));
        let mut is_late = false;
        poll_fn(|cx| {
            loop {
                let had = self.streams.len();
                if let Poll::Ready(ended) = self.poll_accept(cx) {
                    return Poll::Ready(ended);
                }
                if !is_late && self.poll_late(late.as_mut(), cx).is_ready() {
                    is_late = true;
                    self.connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    continue;
                }
                while let Poll::Ready(Some(_)) = self.streams.poll_join_next(cx) {}
                if had != self.streams.len() || !self.streams.is_empty() {
                    idle.as_mut().reset(Instant::now() + idle_timeout);
                }
                let is_over = idle.as_mut().poll(cx).is_ready();
                if is_over && is_ending {
                    // It was told, and has not even closed its side.
                    return Poll::Ready(Ok(()));
                }
                let is_last = is_over || (!is_ending && draining.as_mut().poll(cx).is_ready());
                if !is_last {
                    return Poll::Pending;
                }
                // What has come by now was accepted before.
                is_ending = true;
                idle.as_mut().reset(Instant::now() + idle_timeout);
                self.connection.graceful_shutdown();
            }
        })
        .await
    }

    /// Ready when what is half here has been so for too long. Of everything else the library waits for more.
    fn poll_late(&self, mut late: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(since) = self.rest.half_since() else {
            return Poll::Pending;
        };
        let until = since + self.gateway.config().server.limits.head_timeout;
        if late.deadline() != until {
            late.as_mut().reset(until);
        }
        late.poll(cx)
    }

    /// Begins to answer every request that has come. Ready when no more will.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        loop {
            match self.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => self.accept(request, respond),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn accept(&mut self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        let limit = self.gateway.config().server.max_streams as usize;
        if Rc::strong_count(&self.at_work) > limit {
            // Nothing was done about it, so that the client may send it again (RFC 9113 §8.7).
            respond.send_reset(Reason::REFUSED_STREAM);
            return;
        }
        let gateway = Rc::clone(&self.gateway);
        let (caller, at_work) = (self.caller.clone(), Rc::new(Rc::clone(&self.at_work)));
        self.streams
            .spawn_local(answer::answer(gateway, request, respond, (caller, at_work)));
    }
}
