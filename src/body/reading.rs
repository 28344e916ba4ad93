//! A request body that is read up to a bound, before anything is claimed for it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body as _, Frame};

use super::patience::Patience;
use super::{Account, Counted, Pace, Received, UploadFault};

/// A body that is read until it ends, more than a limit of octets have come, or what has come finds no room on its account:
/// the last frame may be beyond that, since it has come.
#[derive(Debug)]
pub struct Reading {
    limit: usize,
    body: Counted,
    patience: Patience,
    account: Account,
    first: Bytes,
    content: BytesMut,
    trailers: Option<Box<HeaderMap>>,
    has_room: bool,
    is_whole: bool,
}

impl Reading {
    /// Begins to read `body`, whose client has to keep `pace`.
    pub fn new(limit: usize, body: Counted, pace: Pace, account: Account) -> Self {
        Self {
            limit,
            is_whole: body.is_end_stream(),
            body,
            patience: Patience::new(pace),
            account,
            first: Bytes::new(),
            content: BytesMut::new(),
            trailers: None,
            has_room: true,
        }
    }

    /// Takes what is here. Ready when nothing more is to be read; until then whoever asks has to ask again.
    pub fn poll_here(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UploadFault>> {
        while !self.is_whole && self.has_room && self.octets() <= self.limit {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    self.take(frame);
                    self.is_whole = self.body.is_end_stream();
                }
                Some(Err(_)) => return Poll::Ready(Err(UploadFault::Broken)),
                None => self.is_whole = true,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes what is here and what comes, as long as the client may be waited for.
    pub async fn end(&mut self) -> Result<(), UploadFault> {
        poll_fn(|cx| match self.poll_here(cx) {
            Poll::Ready(ended) => Poll::Ready(ended),
            Poll::Pending => self.patience.poll(cx).map(|()| Err(UploadFault::TooSlow)),
        })
        .await
    }

    /// What was read.
    pub fn received(self) -> Received {
        let content = if self.content.is_empty() {
            self.first
        } else {
            self.content.freeze()
        };
        Received {
            content,
            trailers: self.trailers,
            rest: (!self.is_whole).then_some(self.body),
            charge: self.account.close(),
        }
    }

    fn octets(&self) -> usize {
        self.first.len() + self.content.len()
    }

    fn take(&mut self, frame: Frame<Bytes>) {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                self.trailers = frame.into_trailers().ok().map(Box::new);
                return;
            }
        };
        self.patience.moved(data.len() as u64);
        self.has_room = self.account.charge(data.len());
        if self.octets() == 0 {
            self.first = data;
        } else {
            // Copied together: a small part would keep the whole of the buffer it was read into.
            let first = std::mem::take(&mut self.first);
            self.content.extend_from_slice(&first);
            self.content.extend_from_slice(&data);
        }
    }
}
