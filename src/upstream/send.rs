//! Sends a request over its link, and waits for the head of the response.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use super::interims::pass_on;
use super::link::{Http1, Link, Stream};
use super::silence::Silence;
use super::{Fault, Outgoing, Terms};
use crate::policy::forward::has_one_reading;
use crate::policy::head::{Malformed, ResponseHead};
use crate::wire::Socket;

/// An exchange sends one request, and begins with it.
const BEGUN: &str = "a request was begun with, and is sent once";

/// Sends the request that `link` has begun with. With `silence`, it is given up when that has lasted for too long. The grant
/// of what was not sent is the caller's.
pub(super) async fn send<S: Socket>(
    link: &mut Link<S>,
    terms: &Terms,
    silence: Option<&mut Silence>,
) -> Result<Box<ResponseHead>, Fault> {
    match link {
        Link::Http1(link) => send_alone(link, terms, silence).await,
        // Boxed, so that the other needs no room for it.
        Link::Http2(stream) => Box::pin(send_among_others(stream, terms, silence)).await,
    }
}

async fn send_alone<S: Socket>(
    link: &mut Http1<S>,
    terms: &Terms,
    mut silence: Option<&mut Silence>,
) -> Result<Box<ResponseHead>, Fault> {
    poll_fn(|cx| {
        let inform = |status, fields, cx: &mut Context<'_>| pass_on(terms, status, fields, cx);
        match link.poll_head(cx, inform) {
            Poll::Ready(outcome) => Poll::Ready(outcome),
            Poll::Pending => give_up(&mut silence, cx).map(|()| Err(Fault::Silent)),
        }
    })
    .await
}

async fn send_among_others(
    stream: &mut Stream,
    terms: &Terms,
    mut silence: Option<&mut Silence>,
) -> Result<Box<ResponseHead>, Fault> {
    let request = stream.take_begun().expect(BEGUN);
    let spare = if stream.is_reused() {
        duplicate(&request).map(Box::new)
    } else {
        None
    };
    let outcome = {
        let mut exchange = pin!(stream.exchange(request, |interim, cx| {
            let (head, ()) = interim.into_parts();
            pass_on(terms, head.status, head.headers, cx);
        }));
        poll_fn(|cx| match exchange.as_mut().poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending => give_up(&mut silence, cx).map(|()| None),
        })
        .await
    };
    match outcome {
        // Nobody below has looked at it.
        Some(Ok(head)) if !has_one_reading(&head) => {
            Err(Fault::Malformed(Malformed::ContentLength.into()))
        }
        Some(Ok(head)) => Ok(Box::new(ResponseHead::from(head))),
        Some(Err(failed)) if failed.is_unsent => Err(Fault::NotSent {
            grant: None,
            request: spare,
            source: failed.source.into(),
        }),
        Some(Err(failed)) if failed.is_invalid => Err(Fault::Unparsed(failed.source.into())),
        Some(Err(failed)) => Err(Fault::Broken {
            is_unheard: true,
            grant: None,
            request: spare,
            source: failed.source.into(),
        }),
        None => Err(Fault::Silent),
    }
}

fn give_up(silence: &mut Option<&mut Silence>, cx: &mut Context<'_>) -> Poll<()> {
    match silence {
        Some(silence) => silence.poll(cx),
        None => Poll::Pending,
    }
}

/// The request once more, where all of it is at hand: a library that has taken it does not give it back.
fn duplicate(request: &Outgoing) -> Option<Outgoing> {
    Some(Outgoing {
        body: request.body.duplicate()?,
        head: request.head.clone(),
        added: request.added.clone(),
    })
}
