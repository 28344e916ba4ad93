//! One request on a stream, from its head to the end of its response.

use std::any::Any;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::{CONNECTION, EXPECT, UPGRADE};
use http::{HeaderMap, Request, Response, request};
use http_body::{Body as _, Frame};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use super::stream::StreamClient;
use super::tunnel;
use crate::body::{Body, CutShort, Incoming, Pace, Streamed};
use crate::gateway::{Answered, Caller, Gateway, Peer};
use crate::policy::head::{RequestHead, check_http2, check_http2_trailers};
use crate::upstream::Connect;
use crate::wire::Client;

/// Why a response did not go out whole.
enum Unsent {
    /// The client has cancelled it, or is gone.
    Cancelled,
    /// The client took nothing for too long.
    Stalled,
    /// The upstream's response broke off.
    Cut,
}

/// Answers a request, unless its client cancels it.
pub(super) async fn answer<C: Connect>(
    gateway: Rc<Gateway<C>>,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    (caller, at_work): (Caller, Rc<dyn Any>),
) {
    let client = Rc::new(StreamClient::new(
        respond,
        gateway.config().server.idle_timeout,
    ));
    let peer = Peer::of_stream(Rc::clone(&client) as Rc<dyn Client>, caller, at_work);
    let (head, stream) = request.into_parts();
    let server = &gateway.config().server;
    if let Err(why) = check_http2(&head, server.limits.head) {
        let response = gateway.turn_away(&head.into(), why, &peer);
        if why.is_excess() {
            return send(response, &client, server.min_body_rate).await;
        }
        return turn_away(response, &client).await;
    }
    let (head, body, tunnel) = incoming(head, stream, &client);
    let response = {
        let mut handled = pin!(gateway.handle(head, body, &peer));
        poll_fn(|cx| {
            if client.poll_cancelled(cx).is_ready() {
                return Poll::Ready(None);
            }
            handled.as_mut().poll(cx).map(Some)
        })
        .await
    };
    match (response, tunnel.zip(peer.take_tunnel())) {
        (None, _) => {}
        (Some(response), None) => {
            let sending = send(response, &client, server.min_body_rate);
            match peer.until() {
                None => sending.await,
                Some(until) => {
                    if timeout_at(until, sending).await.is_err() {
                        client.reset(Reason::CANCEL);
                    }
                }
            }
        }
        (Some(response), Some((receive, tunnel))) => {
            match client.respond(tunnel::begun(response), false) {
                Ok(send) => tunnel::join(receive, send, tunnel).await,
                Err(error) => debug!(%error, "a tunnel could not be begun"),
            }
        }
    }
}

/// Tells what is wrong with a malformed request, as far as there is room for it at once, and ends its stream in error
/// (RFC 9113 §8.1.1).
async fn turn_away(response: Answered, client: &StreamClient) {
    let Answered { head, mut body } = response;
    let mut head = head.into_parts();
    head.headers.remove(CONNECTION);
    if let Ok(mut stream) = client.respond(Response::from_parts(head, ()), false) {
        if let Ok(Some(frame)) = next_frame(&mut stream, &mut body).await {
            let content = frame.into_data().unwrap_or_default();
            stream.reserve_capacity(content.len());
            // What cannot be sent is not worth waiting for.
            let _ = stream.send_data(content, false);
        }
        // A reset takes back what the connection has not written by then.
        yield_now().await;
        yield_now().await;
    }
    client.reset(Reason::PROTOCOL_ERROR);
}

/// The request as the gateway takes it; and where it asks for a tunnel, what the client sends through that.
fn incoming(
    mut head: request::Parts,
    stream: RecvStream,
    client: &Rc<StreamClient>,
) -> (Box<RequestHead>, Incoming, Option<RecvStream>) {
    join_cookies(&mut head.headers);
    if tunnel::become_upgrade(&mut head) {
        return (Box::new(head.into()), Incoming::NONE, Some(stream));
    }
    let ask = head.headers.contains_key(EXPECT).then(|| {
        let client = Rc::clone(client);
        Box::new(move || client.ask()) as Box<dyn FnOnce()>
    });
    let body = Incoming::Http2(Streamed::new(
        stream,
        &head.headers,
        check_http2_trailers,
        ask,
    ));
    (Box::new(head.into()), body, None)
}

/// RFC 9113 §8.2.3: what was split for the sake of compression is one field to everybody else.
fn join_cookies(fields: &mut HeaderMap) {
    let mut crumbs = fields.get_all(http::header::COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else {
        return;
    };
    let mut joined = [first.as_bytes(), b"; ", second.as_bytes()].concat();
    for crumb in crumbs {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(crumb.as_bytes());
    }
    if let Ok(joined) = http::HeaderValue::from_maybe_shared(Bytes::from(joined)) {
        fields.insert(http::header::COOKIE, joined);
    }
}

async fn send(response: Answered, client: &StreamClient, min_rate: u64) {
    let Answered { head, mut body } = response;
    let mut head = head.into_parts();
    // They have no meaning here, and the library takes no head that has them.
    head.headers.remove(CONNECTION);
    head.headers.remove(UPGRADE);
    let is_empty = body.is_end_stream();
    let mut stream = match client.respond(Response::from_parts(head, ()), is_empty) {
        Ok(stream) => stream,
        Err(error) => {
            debug!(%error, "a response could not be begun");
            return client.reset(Reason::INTERNAL_ERROR);
        }
    };
    if is_empty {
        return;
    }
    let pace = Pace::new(client.patience(), min_rate);
    match send_body(&mut stream, &mut body, pace).await {
        Ok(()) | Err(Unsent::Cancelled) => {}
        Err(Unsent::Stalled) => stream.send_reset(Reason::CANCEL),
        Err(Unsent::Cut) => stream.send_reset(Reason::INTERNAL_ERROR),
    }
}

async fn send_body(
    stream: &mut SendStream<Bytes>,
    body: &mut Body,
    mut pace: Pace,
) -> Result<(), Unsent> {
    while let Some(frame) = next_frame(stream, body).await? {
        match frame.into_data() {
            Ok(data) => {
                let is_last = body.is_end_stream();
                send_data(stream, data, is_last, &mut pace).await?;
                if is_last {
                    return Ok(());
                }
            }
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                return stream.send_trailers(trailers).map_err(cancelled);
            }
        }
    }
    stream.send_data(Bytes::new(), true).map_err(cancelled)
}

async fn next_frame(
    stream: &mut SendStream<Bytes>,
    body: &mut Body,
) -> Result<Option<Frame<Bytes>>, Unsent> {
    poll_fn(|cx| {
        if stream.poll_reset(cx).is_ready() {
            return Poll::Ready(Err(Unsent::Cancelled));
        }
        let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
        Poll::Ready(frame.transpose().map_err(|CutShort| Unsent::Cut))
    })
    .await
}

/// Sends `data` as fast as the client makes room for it.
async fn send_data(
    stream: &mut SendStream<Bytes>,
    mut data: Bytes,
    is_last: bool,
    pace: &mut Pace,
) -> Result<(), Unsent> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let asked = Instant::now();
        let room = poll_fn(|cx| stream.poll_capacity(cx));
        let room = match timeout(pace.left(), room).await {
            Ok(Some(Ok(room))) => room,
            Ok(Some(Err(_)) | None) => return Err(Unsent::Cancelled),
            Err(_) => return Err(Unsent::Stalled),
        };
        let part = data.split_to(room.min(data.len()));
        pace.moved(asked.elapsed(), part.len() as u64);
        let is_end = is_last && data.is_empty();
        stream.send_data(part, is_end).map_err(cancelled)?;
    }
    Ok(())
}

fn cancelled(_: h2::Error) -> Unsent {
    Unsent::Cancelled
}
