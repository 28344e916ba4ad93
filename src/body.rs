//! Bodies on their way: read ahead within bounds, passed on with backpressure, and reported on once.
//!
//! Invariants:
//! - A body is ended cleanly only if it came whole: every other end is an error to who reads it.
//! - A response [`Body`] reports exactly once how it ended, however it is let go.

mod charge;
mod coming;
mod counted;
mod ends;
mod gate;
mod here;
mod incoming;
mod pace;
mod patience;
mod pipe;
mod reading;
mod upload;

pub use charge::{Account, UNCHARGED, charged, charged_with};
pub use coming::{Coming, Feed, coming};
pub use counted::{Count, Counted, Edit};
pub use gate::Gate;
pub use here::Here;
pub use incoming::{HttpError, Incoming, Streamed};
pub use pace::Pace;
pub use pipe::{PipeReader, PipeWriter, pipe};
pub use reading::Reading;
pub use upload::{Received, Upload, UploadFault};

use std::any::Any;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use thiserror::Error;

/// A body was cut short.
#[derive(Debug, Error)]
#[error("the body was cut short")]
pub struct CutShort;

/// How a response body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyEnd {
    /// The octets of content that were taken from it.
    pub octets: u64,
    /// Whether all of it was taken.
    pub is_whole: bool,
}

impl BodyEnd {
    /// There never was one.
    pub const NONE: Self = Self {
        octets: 0,
        is_whole: false,
    };
}

/// Is told once how a response body ended.
pub type Report = Box<dyn FnOnce(BodyEnd)>;

/// The body of a response to a client.
pub struct Body {
    source: Source,
    octets: u64,
    report: Option<Report>,
    /// What is in flight for as long as this body is.
    in_flight: Option<Rc<dyn Any>>,
}

enum Source {
    /// All of it is here, in one piece; empty once that is taken.
    Whole(Bytes),
    /// The same, in room that is lent; none once that is taken.
    Lent(Option<Rc<Vec<u8>>>),
    /// All of it is here.
    Frames(VecDeque<Frame<Bytes>>),
    /// It is still coming.
    Pipe(PipeReader),
}

impl Body {
    /// A body that is here whole.
    pub const fn whole(content: Bytes) -> Self {
        Self::of(Source::Whole(content))
    }

    /// A body that is here whole, in room that is lent. It is not empty.
    pub const fn lent(content: Rc<Vec<u8>>) -> Self {
        Self::of(Source::Lent(Some(content)))
    }

    /// A body that is here whole, in the parts in which it came.
    pub const fn frames(frames: VecDeque<Frame<Bytes>>) -> Self {
        Self::of(Source::Frames(frames))
    }

    /// A body that is still coming.
    pub const fn piped(reader: PipeReader) -> Self {
        Self::of(Source::Pipe(reader))
    }

    const fn of(source: Source) -> Self {
        Self {
            source,
            octets: 0,
            report: None,
            in_flight: None,
        }
    }

    /// Keeps a share of what says that its request is in flight.
    pub fn keep(&mut self, in_flight: Rc<dyn Any>) {
        self.in_flight = Some(in_flight);
    }

    /// Takes it whole, if it is in room that is lent: to be copied, and let go of.
    pub fn take_lent(&mut self) -> Option<Rc<Vec<u8>>> {
        let Source::Lent(content) = &mut self.source else {
            return None;
        };
        let content = content.take()?;
        self.octets += content.len() as u64;
        Some(content)
    }

    /// So many octets of what was taken of it have not gone to the client: it is waited for as one that has taken the rest.
    pub fn keeps(&self, unsent: u64) {
        if let Source::Pipe(reader) = &self.source {
            reader.keeps(unsent);
        }
    }

    /// Has `report` told how this body ended.
    pub fn report_to(&mut self, report: Report) {
        self.report = Some(report);
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = CutShort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutShort>>> {
        let polled = match &mut self.source {
            Source::Whole(content) => {
                let content = std::mem::take(content);
                Poll::Ready((!content.is_empty()).then(|| Ok(Frame::data(content))))
            }
            Source::Lent(content) => Poll::Ready(content.take().map(|content| {
                let copy = Bytes::copy_from_slice(&content);
                Ok(Frame::data(copy))
            })),
            Source::Frames(frames) => Poll::Ready(frames.pop_front().map(Ok)),
            Source::Pipe(reader) => reader.poll_frame(cx),
        };
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.octets += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Whole(content) => content.is_empty(),
            Source::Lent(content) => content.is_none(),
            Source::Frames(frames) => frames.is_empty(),
            Source::Pipe(reader) => reader.is_ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole(content) => SizeHint::with_exact(content.len() as u64),
            Source::Lent(content) => {
                let octets = content.as_ref().map_or(0, |content| content.len());
                SizeHint::with_exact(octets as u64)
            }
            Source::Frames(frames) if frames.iter().all(Frame::is_data) => {
                let octets = frames
                    .iter()
                    .filter_map(Frame::data_ref)
                    .map(|data| data.len() as u64)
                    .sum();
                SizeHint::with_exact(octets)
            }
            Source::Frames(_) | Source::Pipe(_) => SizeHint::default(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(report) = self.report.take() {
            let is_whole = http_body::Body::is_end_stream(self);
            report(BodyEnd {
                octets: self.octets,
                is_whole,
            });
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body")
            .field("octets", &self.octets)
            .finish_non_exhaustive()
    }
}
