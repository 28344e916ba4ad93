//! One client connection that speaks HTTP/1.1, from its first byte to its close.
//!
//! Invariants:
//! - Requests are answered one after the other, and an answer is written before the next request is read.
//! - A connection on which nothing happens is parked: it keeps its socket and little else.
//! - One that ends in the middle of an answer ends so that its client cannot take that for whole.

mod date;
mod feeding;
mod sending;
mod watch;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::connection::{Draining, Served};
use crate::body::Incoming;
use crate::gateway::{Answered, Caller, Gateway, Peer};
use crate::policy::head::{Asked, Malformed, ParsedRequest};
use crate::upstream::{Connect, Tunnel};
use crate::wire::{Inbound, Socket};
use feeding::Feeding;
pub(super) use sending::last;
use sending::{Lost, Sending};
use watch::{At, Seen, Watch, drained, first_look};

/// Answers the requests that come over a connection, until the client has had enough, or `draining`
/// says that the next answer is the last.
pub(super) fn serve<C: Connect, S: Socket>(
    gateway: Rc<Gateway<C>>,
    (mut inbound, since): (Inbound<S>, Instant),
    caller: Caller,
    mut draining: Draining,
) -> impl Future<Output = ()> {
    let peer = Peer::new(inbound.client(), caller);
    let mut opened = Some(since);
    // Not an async function: what that is given has its room twice, as it came, and as it is used.
    async move {
        while inbound.has_input() || is_stirred(&peer, &mut draining, &gateway).await {
            let watched = (&peer, &draining, opened.take());
            // Boxed, so that a parked connection does not keep the room for it.
            let spoken = Box::pin(speak(&gateway, inbound, watched)).await;
            inbound = match spoken.rest_or_close(&gateway, &peer) {
                Ok(idle) => idle,
                Err(closing) => return closing.await,
            };
        }
        Box::pin(inbound.close(&[])).await;
    }
}

/// Waits until something comes over a parked connection. False if it is to be closed instead.
async fn is_stirred<C: Connect>(
    peer: &Peer,
    draining: &mut Draining,
    gateway: &Gateway<C>,
) -> bool {
    tokio::select! {
        biased;
        () = poll_fn(|cx| peer.client.poll_stirred(cx)) => true,
        _ = draining.wait_for(|is_draining| *is_draining) => {
            // A request may have come that the runtime has yet to hear of.
            yield_now().await;
            poll_fn(|cx| Poll::Ready(peer.client.poll_stirred(cx).is_ready())).await
        }
        () = sleep(gateway.config().server.idle_timeout) => false,
    }
}

/// How HTTP came to an end on a connection.
enum End<S> {
    /// It did not: nothing has happened for a while.
    Idle(Inbound<S>),
    /// In the middle of an answer.
    Cut(Inbound<S>),
    /// After an answer.
    Over(Inbound<S>),
}

impl<S: Socket> End<S> {
    /// The connection that rests, or what closes it.
    fn rest_or_close<C: Connect>(
        self,
        gateway: &Gateway<C>,
        peer: &Peer,
    ) -> Result<Inbound<S>, Served> {
        Err(match self {
            Self::Idle(inbound) => return Ok(inbound),
            Self::Cut(inbound) => Box::pin(async move { inbound.cut() }),
            Self::Over(inbound) => match peer.take_tunnel() {
                Some(tunnel) => Box::pin(join(inbound, tunnel)),
                None => {
                    let refused = inbound.refused();
                    let last = refused.map(|why| last(gateway.refuse(why, peer.caller.address)));
                    Box::pin(async move { inbound.close(&last.unwrap_or_default()).await })
                }
            },
        })
    }
}

/// Speaks HTTP/1.1 over a connection until that ends, or pauses. Its first head has begun at `opened`, if it has.
async fn speak<C: Connect, S: Socket>(
    gateway: &Rc<Gateway<C>>,
    mut inbound: Inbound<S>,
    (peer, draining, opened): (&Peer, &Draining, Option<Instant>),
) -> End<S> {
    // Kept here, and not in boxes: what goes when a connection rests would leave holes between what stays.
    let (look, drain) = (pin!(first_look()), pin!(drained(draining.clone())));
    let heads = (gateway.config().server.limits.head_timeout, opened);
    let mut watch = Watch::new(peer, draining, heads, (look, drain));
    let mut sending = Sending::default();
    loop {
        let parsed = match next_request(&mut inbound, &mut watch).await {
            Ok(Some(parsed)) => parsed,
            Err(Seen::AtRest) => return End::Idle(inbound),
            Err(Seen::LateHead) => {
                inbound.refuse(Malformed::HeadTooSlow);
                return End::Over(inbound);
            }
            Ok(None) | Err(Seen::Draining | Seen::Gone | Seen::Overdue) => {
                return End::Over(inbound);
            }
        };
        let asked = parsed.asked;
        let (body, mut feeding) = take_body(&asked, &mut inbound);
        // Pinned where it is made: it is large.
        let handling = pin!(gateway.handle(parsed.head, body, peer));
        let mut talk = Talk {
            inbound: &mut inbound,
            feeding: &mut feeding,
            watch: &mut watch,
            sending: &mut sending,
            peer,
        };
        let ended = match talk.answer(handling).await {
            Ok(()) => {
                // Before a conflict is told, a turn has ended. What else is told like that is told at once: it is seldom.
                if !talk.sending.is_brief() {
                    gateway.limits().batch.end_of_turn().await;
                }
                talk.send(&asked).await
            }
            Err(seen) => Err(Ended::Seen(seen)),
        };
        match ended {
            Ok(Connection::Persists) => {}
            Ok(Connection::Ends) | Err(Ended::Seen(Seen::Gone)) => return End::Over(inbound),
            // A client that has not taken all of an answer must not take it for whole.
            Err(Ended::Lost(lost)) => {
                debug!(error = %lost, client = peer.caller.address.map(tracing::field::display), "an answer was cut short");
                return match lost {
                    Lost::Client(_) if !inbound.is_given_up() => End::Over(inbound),
                    Lost::Client(_) | Lost::Cut(_) | Lost::Length(_) => End::Cut(inbound),
                };
            }
            Err(Ended::Seen(_)) => return End::Cut(inbound),
        }
    }
}

/// The next request; none where none comes any more, or what comes is refused.
async fn next_request<S: Socket>(
    inbound: &mut Inbound<S>,
    watch: &mut Watch<'_>,
) -> Result<Option<ParsedRequest>, Seen> {
    poll_fn(|cx| match inbound.poll_head(cx) {
        // A connection that fails is over, as one that ends.
        Poll::Ready(head) => Poll::Ready(Ok(head.ok().flatten())),
        Poll::Pending => {
            let at = if inbound.is_in_head() {
                At::Head
            } else {
                At::Rest
            };
            watch.poll(at, cx).map(Err)
        }
    })
    .await
}

/// The body of the request whose head was read, and what feeds it where not all of it is here.
fn take_body<S: Socket>(asked: &Asked, inbound: &mut Inbound<S>) -> (Incoming, Feeding) {
    match inbound.take_content() {
        Some(content) => (Incoming::Here(content), Feeding::none()),
        None => Feeding::of(inbound.left(), asked.expects),
    }
}

/// What becomes of a connection after an answer.
enum Connection {
    Persists,
    Ends,
}

/// Why an answer was not sent.
enum Ended {
    Seen(Seen),
    Lost(Lost),
}

/// One exchange with a client.
struct Talk<'a, 'w, S> {
    inbound: &'a mut Inbound<S>,
    feeding: &'a mut Feeding,
    watch: &'a mut Watch<'w>,
    sending: &'a mut Sending,
    peer: &'a Peer,
}

impl<S: Socket> Talk<'_, '_, S> {
    /// Waits for the answer to a request, which is to be sent, and gives it the body that it asks for.
    async fn answer(
        &mut self,
        mut handling: Pin<&mut impl Future<Output = Answered>>,
    ) -> Result<(), Seen> {
        poll_fn(|cx| self.poll_answer(handling.as_mut(), cx)).await
    }

    fn poll_answer(
        &mut self,
        mut handling: Pin<&mut impl Future<Output = Answered>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Seen>> {
        loop {
            if let Poll::Ready(response) = handling.as_mut().poll(cx) {
                self.sending.put(response);
                return Poll::Ready(Ok(()));
            }
            self.inbound.write_interims(cx);
            if !self.feeding.feed(self.inbound, cx) {
                return self.watch.poll(At::Exchange, cx).map(Err);
            }
        }
    }

    /// Sends the answer, and what is left of the body to whoever takes that.
    async fn send(&mut self, asked: &Asked) -> Result<Connection, Ended> {
        let is_last = self.watch.is_draining() || self.is_left_unread().await;
        let persists = self.sending.begin(asked, is_last);
        self.poll_all(|talk, cx| {
            let sent = talk.sending.poll(cx, Pin::new(talk.inbound));
            sent.map_err(Ended::Lost)
        })
        .await?;
        if !persists || self.peer.is_joined() {
            return Ok(Connection::Ends);
        }
        self.poll_all(|talk, _| {
            if talk.feeding.is_over() {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        })
        .await?;
        if self.is_left_unread().await {
            Ok(Connection::Ends)
        } else {
            Ok(Connection::Persists)
        }
    }

    /// Feeds and watches until `poll` is ready.
    async fn poll_all(
        &mut self,
        mut poll: impl FnMut(&mut Self, &mut Context<'_>) -> Poll<Result<(), Ended>>,
    ) -> Result<(), Ended> {
        poll_fn(|cx| {
            // Until more is waited for: who takes the body is in another task, and wakes only who has asked.
            while self.feeding.feed(self.inbound, cx) {}
            if let Poll::Ready(done) = poll(self, cx) {
                return Poll::Ready(done);
            }
            let seen = self.watch.poll(At::Exchange, cx);
            seen.map(|seen| Err(Ended::Seen(seen)))
        })
        .await
    }

    /// Whether some of a body is left that nobody takes, and that is not all here to be skipped.
    async fn is_left_unread(&mut self) -> bool {
        if !self.inbound.is_in_body() || !self.feeding.is_over() {
            return false;
        }
        poll_fn(|cx| Poll::Ready(!self.inbound.skip_content(cx))).await
    }
}

/// Passes bytes both ways until both ends are done.
async fn join<S: Socket>(mut client: Inbound<S>, tunnel: Tunnel) {
    let from_client = client.take_rest();
    let (mut upstream, from_upstream) = tunnel.await;
    let joined = async {
        upstream.write_all(&from_client).await?;
        client.write_all(&from_upstream).await?;
        copy_bidirectional(&mut client, &mut upstream).await
    };
    if let Err(error) = joined.await {
        debug!(%error, "a tunnel broke");
    }
}
