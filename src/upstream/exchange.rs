//! One exchange: a request sent upstream and the response that comes back. It owns its hold.
//!
//! Invariants:
//! - The hold ends when the response has arrived whole and the request is over, before the last of
//!   it is handed on; or when nothing was sent. Every other end drops it: an unknown outcome.
//! - Nothing here depends on whether somebody waits for the response to a write that is guarded.
//! - An exchange under a hold that is silent for too long is reset; one whose bytes flow is not.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use tokio::time::{Instant, sleep_until};

use super::joint::Capture;
use super::link::Link;
use super::send::send;
use super::silence::Silence;
use super::{Fault, Reply, Terms};
use crate::body::{Body, Here, Pace, PipeWriter, UNCHARGED, charged, pipe};
use crate::policy::Purpose;
use crate::policy::head::ResponseHead;
use crate::table::{Grant, Hold};
use crate::wire::Socket;

/// What is read of a response body before its head is handed on.
const AT_ONCE: usize = 64 * 1024;

/// An exchange on its connection.
pub(super) struct Exchange<S: Socket> {
    link: Link<S>,
    hold: Option<Hold>,
    /// Dropped after the hold: who follows finds its keys as they are then.
    capture: Capture,
    /// Whether it is of a write that keeps others away: then it is nobody's but its own to end.
    is_guarded: bool,
    silence: Silence,
    terms: Rc<Terms>,
}

impl<S: Socket> Exchange<S> {
    /// Sends the request that `link` has begun with, and returns the response when it is whole, or when its head has come and
    /// its body is being pumped.
    pub(super) async fn run(
        link: Link<S>,
        grant: Option<Grant>,
        terms: Rc<Terms>,
    ) -> Result<Reply, Fault> {
        let is_guarded = grant.as_ref().is_some_and(Grant::is_guarded);
        let hold = grant.map(|grant| grant.into_hold(Rc::clone(link.last_byte())));
        let limit = match hold.as_ref().filter(|_| is_guarded).map(Hold::max_work) {
            // Where keys are let go at once, the upstream has as long as anybody waits for it.
            None | Some(Duration::ZERO) => terms.limits.response_timeout,
            Some(max_work) => max_work,
        };
        let silence = Silence::new(limit, link.last_byte(), &terms.limits.alarms);
        let capture = Capture::of(terms.lead.take(), terms.limits.response_buffer);
        let mut exchange = Self {
            link,
            hold,
            capture,
            is_guarded,
            silence,
            terms,
        };
        let head = exchange.send().await?;
        if !exchange.terms.expects(head.status) {
            return Err(Fault::NotAsked);
        }
        exchange.link.heed(&head);
        if let Some(gate) = &exchange.terms.gate {
            // A body that was not asked for by now never will be.
            gate.shut();
        }
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            // The other protocol begins behind the request (RFC 9110 §7.8).
            if !exchange.ends_request().await || !exchange.link.is_sent() {
                return Err(Fault::NotAsked);
            }
            exchange.settle();
            let tunnel = exchange.link.into_tunnel().ok_or(Fault::NotAsked)?;
            return Ok(Reply::Tunnel(head, tunnel));
        }
        exchange.receive(head).await
    }

    /// Sends the request, and waits for the head of its response.
    async fn send(&mut self) -> Result<Box<ResponseHead>, Fault> {
        let silence = self.is_guarded.then_some(&mut self.silence);
        let sent = send(&mut self.link, &self.terms, silence).await;
        let is_read = self.hold.as_ref().and_then(Hold::purpose) == Some(Purpose::Read);
        sent.map_err(|mut fault| {
            if let Fault::NotSent { grant, .. } = &mut fault {
                // Nobody works on it: the claim is good for another attempt.
                *grant = self.hold.take().map(Hold::unsent).map(Box::new);
                *self.terms.lead.borrow_mut() = self.capture.unsent();
            } else if let Fault::Broken { grant, .. } = &mut fault
                && is_read
            {
                // Nobody minds that it is asked twice, and no write may come in between.
                *grant = self.hold.take().map(Hold::unsent).map(Box::new);
            }
            fault
        })
    }

    /// Reads what is here of the body, and leaves what is still coming to a pump.
    async fn receive(mut self, head: Box<ResponseHead>) -> Result<Reply, Fault> {
        let terms = Rc::clone(&self.terms);
        self.capture.begin(&head, self.link.least());
        let (mut here, mut octets, mut is_overdrawn) = (Here::default(), 0, false);
        let arrived = poll_fn(|cx| {
            while octets < AT_ONCE && !is_overdrawn && !self.link.is_ended() {
                match self.link.poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        self.link.heard();
                        octets += frame.data_ref().map_or(0, Bytes::len);
                        // What is small is gone before it could be counted.
                        let (frame, is_charged) = if octets > UNCHARGED {
                            charged(frame, &terms.limits.response_budget)
                        } else {
                            (frame, true)
                        };
                        is_overdrawn = !is_charged;
                        self.capture.add(&frame, is_charged);
                        here.add(frame);
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                    Poll::Ready(None) => break,
                    Poll::Pending => return Poll::Ready(Ok(false)),
                }
            }
            Poll::Ready(Ok(self.link.is_ended() && self.poll_over(cx).is_ready()))
        });
        let arrived = arrived.await;
        if arrived.map_err(|source| self.link.broken(false, source))? {
            self.settle();
            self.capture.whole();
            self.link.park();
            return Ok(Reply::Answered(head, here.into()));
        }
        let tasks = &terms.limits.tasks;
        if self.link.is_ended() {
            self.capture.whole();
            tasks.adopt(self.outlast_request());
            return Ok(Reply::Answered(head, here.into()));
        }
        let (writer, reader) = pipe(terms.limits.response_buffer);
        for frame in here {
            writer.push(frame, !is_overdrawn);
        }
        tasks.adopt(self.pump(writer));
        Ok(Reply::Answered(head, Body::piped(reader)))
    }

    /// Reads the rest of the body, a bounded way ahead of the client. A guarded write is read to its
    /// end even if the client has left or was cut; anything else ends with the client.
    async fn pump(mut self, writer: PipeWriter) {
        let mut writer = Some(writer);
        let limits = &self.terms.limits;
        let patience = if self.keeps_others_away() {
            limits.send_timeout
        } else {
            limits.idle_client
        };
        let mut pace = Pace::new(patience, limits.min_body_rate);
        let last = loop {
            if let Some(open) = &writer
                && !self.wait_for_room(open, &mut pace).await
            {
                if !self.is_guarded {
                    return;
                }
                writer = None;
            }
            match self.next_frame(writer.as_ref()).await {
                Next::Frame(frame) => {
                    let (frame, is_charged) = charged(frame, &self.terms.limits.response_budget);
                    self.capture.add(&frame, is_charged);
                    if self.link.is_ended() {
                        break Some((frame, is_charged));
                    }
                    if let Some(open) = &writer {
                        open.push(frame, is_charged);
                    }
                }
                Next::End => break None,
                Next::Lost => return,
            }
        };
        // Settled before the last of it is handed on: a client that has it may write again.
        if poll_fn(|cx| Poll::Ready(self.poll_over(cx).is_ready())).await {
            self.settle();
        }
        self.capture.whole();
        if let Some(open) = writer {
            if let Some((frame, is_charged)) = last {
                open.push(frame, is_charged);
            }
            open.end();
        }
        self.outlast_request().await;
    }

    /// The upstream may have answered before it has read the whole request.
    async fn outlast_request(mut self) {
        if self.ends_request().await {
            self.settle();
            self.link.park();
        }
    }

    /// Waits until the request is over. False if nothing has moved for too long.
    async fn ends_request(&mut self) -> bool {
        poll_fn(|cx| match self.poll_over(cx) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending => self.silence.poll(cx).map(|()| false),
        })
        .await
    }

    /// Waits until the client has made room. False if it is gone, or was waited for for too long.
    async fn wait_for_room(&mut self, writer: &PipeWriter, pace: &mut Pace) -> bool {
        let (mut since, mut sent) = (Instant::now(), writer.sent());
        let mut patience = None;
        let has_room = poll_fn(|cx| {
            loop {
                self.link.drive(cx);
                if writer.poll_room(cx).is_ready() {
                    return Poll::Ready(!writer.is_reader_gone());
                }
                let until = since + pace.left();
                let patience = patience.get_or_insert_with(|| Box::pin(sleep_until(until)));
                ready!(patience.as_mut().poll(cx));
                // What it has taken meanwhile of what it is being sent has earned it more.
                let moved = writer.sent().saturating_sub(sent);
                pace.moved(since.elapsed(), moved);
                if pace.left().is_zero() {
                    return Poll::Ready(false);
                }
                (since, sent) = (Instant::now(), writer.sent());
                patience.as_mut().reset(since + pace.left());
            }
        })
        .await;
        pace.moved(since.elapsed(), writer.sent().saturating_sub(sent));
        has_room
    }

    async fn next_frame(&mut self, writer: Option<&PipeWriter>) -> Next {
        poll_fn(|cx| {
            match self.link.poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.link.heard();
                    return Poll::Ready(Next::Frame(frame));
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Next::Lost),
                Poll::Ready(None) => return Poll::Ready(Next::End),
                Poll::Pending => {}
            }
            if self.is_guarded {
                return self.silence.poll(cx).map(|()| Next::Lost);
            }
            // Nobody is served by what is not guarded and nobody reads.
            if writer.is_none_or(|open| open.poll_reader_gone(cx).is_ready()) {
                return Poll::Ready(Next::Lost);
            }
            self.poll_deserted(cx).map(|()| Next::Lost)
        })
        .await
    }

    /// Ready when a client that has closed its side has been sent nothing for as long as anybody waits:
    /// a stream that is silent by nature is kept for a client that may be there, and for no other.
    fn poll_deserted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.silence.poll(cx));
            let client = self.terms.client();
            if client.is_none_or(|client| client.hangup().is_some()) {
                return Poll::Ready(());
            }
            self.silence.put_off();
        }
    }

    /// Ready when both directions are over, given that the response is.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A body that was expected and not asked for will never be sent.
        let is_unwanted = self.terms.gate.as_ref().is_some_and(|gate| gate.is_shut());
        if is_unwanted {
            Poll::Ready(())
        } else {
            self.link.poll_over(cx)
        }
    }

    fn keeps_others_away(&self) -> bool {
        let hold = self.hold.as_ref();
        hold.is_some_and(|hold| hold.purpose() > Some(Purpose::Observe))
    }

    fn settle(&mut self) {
        if let Some(hold) = self.hold.take() {
            self.terms
                .limits
                .hold_times
                .took(self.terms.route, hold.settle());
        }
    }
}

enum Next {
    Frame(Frame<Bytes>),
    End,
    /// It will not come whole, or nobody wants it.
    Lost,
}
