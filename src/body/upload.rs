//! A request body as it is passed upstream: what was read of it before, and then the rest.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use thiserror::Error;
use tokio::sync::OwnedSemaphorePermit;

use super::patience::Patience;
use super::{Counted, Gate, Pace, charged_with};

/// Why a request body did not come whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UploadFault {
    /// The client left, or what it sent is not well-formed.
    #[error("the request body did not come whole")]
    Broken,
    /// The client fell below the rate that it has to keep.
    #[error("the request body came too slowly")]
    TooSlow,
    /// It is larger than a body may be.
    #[error("the request body is too large")]
    TooLarge,
    /// Nothing is wrong with it so far, and the client is waited for.
    #[error("the rest of the request body had not come yet")]
    Awaited,
}

/// What has come of a request body.
#[derive(Debug, Default)]
pub struct Received {
    /// The content so far.
    pub content: Bytes,
    /// The trailer section, where the body is whole and has one.
    pub trailers: Option<Box<HeaderMap>>,
    /// What is still to come; `None` where the body is whole.
    pub rest: Option<Counted>,
    /// What `content` is charged to.
    pub charge: Option<OwnedSemaphorePermit>,
}

/// A request body on its way to the upstream.
#[derive(Debug)]
pub struct Upload {
    content: Bytes,
    trailers: Option<Box<HeaderMap>>,
    /// Boxed, as the trailer section: few have either, and it goes through many hands.
    rest: Option<Box<Rest>>,
}

/// The part of a body that streams.
#[derive(Debug)]
struct Rest {
    body: Counted,
    gate: Option<Rc<Gate>>,
    fault: Rc<Cell<Option<UploadFault>>>,
    patience: Option<Patience>,
    /// How many octets more there may be.
    allowance: u64,
}

impl Upload {
    /// A body of which all or some came. The rest streams: at `pace`, if the client has to keep one,
    /// behind `gate`, if there is one, and if it has a limit, of at most `max` octets in all. Returns
    /// where it tells why the rest did not come.
    pub fn new(
        received: Received,
        pace: Option<Pace>,
        gate: Option<Rc<Gate>>,
        max: Option<u64>,
    ) -> (Self, Option<Rc<Cell<Option<UploadFault>>>>) {
        let allowance = max.map_or(u64::MAX, |max| {
            max.saturating_sub(received.content.len() as u64)
        });
        let mut told = None;
        let rest = received.rest.map(|body| {
            let fault = Rc::clone(told.insert(Rc::new(Cell::new(None))));
            Box::new(Rest {
                body,
                gate,
                fault,
                patience: pace.map(Patience::new),
                allowance,
            })
        });
        let Received {
            content,
            trailers,
            charge,
            ..
        } = received;
        let content = match charge {
            Some(charge) => charged_with(content, charge),
            None => content,
        };
        (
            Self {
                content,
                trailers,
                rest,
            },
            told,
        )
    }

    /// Takes what is here of its content.
    pub fn take_content(&mut self) -> Bytes {
        std::mem::take(&mut self.content)
    }

    /// Puts that back, where nothing came of it.
    pub fn give_back(&mut self, content: Bytes) {
        self.content = content;
    }

    /// A second body with the same content, where all of it is here.
    pub fn duplicate(&self) -> Option<Self> {
        let is_whole = self.rest.is_none();
        is_whole.then(|| Self {
            content: self.content.clone(),
            trailers: self.trailers.clone(),
            rest: None,
        })
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = UploadFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadFault>>> {
        if !self.content.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.content)))));
        }
        if let Some(rest) = &mut self.rest {
            return rest.poll_frame(cx);
        }
        Poll::Ready(
            self.trailers
                .take()
                .map(|trailers| Ok(Frame::trailers(*trailers))),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_empty()
            && self.trailers.is_none()
            && self
                .rest
                .as_ref()
                .is_none_or(|rest| rest.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let here = self.content.len() as u64;
        match &self.rest {
            None if self.trailers.is_none() => SizeHint::with_exact(here),
            None => SizeHint::default(),
            Some(rest) => rest
                .body
                .size_hint()
                .exact()
                .map_or_else(SizeHint::default, |more| SizeHint::with_exact(here + more)),
        }
    }
}

impl Rest {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadFault>>> {
        if let Some(gate) = &self.gate {
            ready!(gate.poll_open(cx));
        }
        let Poll::Ready(polled) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self
                .poll_patience(cx)
                .map(|()| Some(self.fail(UploadFault::TooSlow)));
        };
        Poll::Ready(match polled {
            Some(Ok(frame)) => {
                let octets = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.moved(octets);
                match self.allowance.checked_sub(octets) {
                    Some(left) => {
                        self.allowance = left;
                        Some(Ok(frame))
                    }
                    None => Some(self.fail(UploadFault::TooLarge)),
                }
            }
            Some(Err(_)) => Some(self.fail(UploadFault::Broken)),
            None => {
                self.fault.set(None);
                None
            }
        })
    }

    /// Ready when the client was waited for too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.fault.set(Some(UploadFault::Awaited));
        match &mut self.patience {
            Some(patience) => patience.poll(cx),
            None => Poll::Pending,
        }
    }

    fn moved(&mut self, octets: u64) {
        self.fault.set(None);
        if let Some(patience) = &mut self.patience {
            patience.moved(octets);
        }
    }

    fn fail(&self, fault: UploadFault) -> Result<Frame<Bytes>, UploadFault> {
        self.fault.set(Some(fault));
        Err(fault)
    }
}
