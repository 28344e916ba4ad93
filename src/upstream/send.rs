//! Sends a request over its link, and waits for the head of the response.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use http::{Request, Response};

use super::interims::{Interims, pass_on};
use super::link::{Http1, Link, Stream};
use super::silence::Silence;
use super::{Fault, Terms};
use crate::body::{Incoming, Upload};
use crate::wire::Socket;

/// Sends `request`. With `silence`, it is given up when that has lasted for too long. The grant of what was not sent is the
/// caller's.
pub(super) async fn send<S: Socket>(
    link: &mut Link<S>,
    request: Request<Upload>,
    terms: &Terms,
    silence: Option<&mut Silence>,
) -> Result<Response<Incoming>, Fault> {
    match link {
        Link::Http1(link) => send_alone(link, request, terms, silence).await,
        Link::Http2(stream) => send_among_others(stream, request, terms, silence).await,
    }
}

async fn send_alone<S: Socket>(
    link: &mut Http1<S>,
    mut request: Request<Upload>,
    terms: &Terms,
    mut silence: Option<&mut Silence>,
) -> Result<Response<Incoming>, Fault> {
    let interims = terms
        .wants_interims()
        .then(|| Interims::listen(&mut request));
    let mut response = pin!(link.sender.try_send_request(request));
    let outcome = poll_fn(|cx| {
        link.drive(cx);
        if let Some(interims) = &interims {
            interims.pass_on(terms, cx);
        }
        match response.as_mut().poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending => give_up(&mut silence, cx).map(|()| None),
        }
    })
    .await;
    match outcome {
        Some(Ok(response)) => Ok(response.map(Incoming::Http1)),
        Some(Err(mut failed)) if !link.traffic.has_sent() => Err(Fault::NotSent {
            grant: None,
            request: failed.take_message().map(Box::new),
            source: failed.into_error().into(),
        }),
        Some(Err(failed)) => {
            let is_unheard = !link.traffic.has_received();
            Err(link.broken(is_unheard, failed.into_error().into()))
        }
        None => Err(Fault::Silent),
    }
}

async fn send_among_others(
    stream: &mut Stream,
    request: Request<Upload>,
    terms: &Terms,
    mut silence: Option<&mut Silence>,
) -> Result<Response<Incoming>, Fault> {
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
        Some(Ok(response)) => Ok(response),
        Some(Err(failed)) if failed.is_unsent => Err(Fault::NotSent {
            grant: None,
            request: None,
            source: failed.source.into(),
        }),
        Some(Err(failed)) if failed.is_invalid => Err(Fault::Unparsed(failed.source.into())),
        Some(Err(failed)) => Err(Fault::Broken {
            is_unheard: true,
            grant: None,
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
