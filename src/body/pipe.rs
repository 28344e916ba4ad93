//! A response body between the pump that reads it from the upstream and the client's connection.
//!
//! Both ends live on one thread. The pump stays up to a limit ahead of its reader, with what is charged to the worker's
//! budget; where that is used up, one frame at a time is passed.
//! A writer that is dropped without [`PipeWriter::end`] cuts the body short.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::Frame;

use super::CutShort;
use super::ends::{State, wake};

#[derive(Debug)]
struct Shared {
    queue: VecDeque<Frame<Bytes>>,
    /// Whether the last frame found the budget used up.
    is_overdrawn: bool,
    queued: usize,
    taken: u64,
    /// How much of that has not gone to the client.
    unsent: u64,
    state: State,
    is_reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Makes a pipe that holds up to `limit` octets.
pub fn pipe(limit: usize) -> (PipeWriter, PipeReader) {
    let shared = Rc::new(RefCell::new(Shared {
        queue: VecDeque::new(),
        is_overdrawn: false,
        queued: 0,
        taken: 0,
        unsent: 0,
        state: State::Open,
        is_reader_gone: false,
        reader: None,
        writer: None,
    }));
    (
        PipeWriter {
            shared: Rc::clone(&shared),
            limit,
        },
        PipeReader { shared },
    )
}

/// The pump's end.
#[derive(Debug)]
pub struct PipeWriter {
    shared: Rc<RefCell<Shared>>,
    limit: usize,
}

impl PipeWriter {
    /// Adds a frame that is charged for, or for which the budget had nothing left. The caller has waited for
    /// [`Self::poll_room`].
    pub fn push(&self, frame: Frame<Bytes>, is_charged: bool) {
        let mut shared = self.shared.borrow_mut();
        shared.queued += frame.data_ref().map_or(0, Bytes::len);
        shared.is_overdrawn = !is_charged;
        shared.queue.push_back(frame);
        wake(&mut shared.reader);
    }

    /// Ready when another frame may be added: the reader is not too far behind, or is gone.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut shared = self.shared.borrow_mut();
        let is_charged = !shared.is_overdrawn;
        if shared.queue.is_empty()
            || shared.is_reader_gone
            || (is_charged && shared.queued < self.limit)
        {
            return Poll::Ready(());
        }
        shared.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ready when the reader is gone.
    pub fn poll_reader_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut shared = self.shared.borrow_mut();
        if shared.is_reader_gone {
            return Poll::Ready(());
        }
        shared.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Whether nobody reads any more.
    pub fn is_reader_gone(&self) -> bool {
        self.shared.borrow().is_reader_gone
    }

    /// How many octets have gone to the client, as far as the reader tells.
    pub fn sent(&self) -> u64 {
        let shared = self.shared.borrow();
        shared.taken.saturating_sub(shared.unsent)
    }

    /// The body is whole.
    pub fn end(self) {
        self.shared.borrow_mut().state = State::Ended;
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        let mut shared = self.shared.borrow_mut();
        shared.state.let_go();
        wake(&mut shared.reader);
    }
}

/// The client's end.
#[derive(Debug)]
pub struct PipeReader {
    shared: Rc<RefCell<Shared>>,
}

impl PipeReader {
    pub(super) fn poll_frame(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutShort>>> {
        let mut shared = self.shared.borrow_mut();
        if let Some(frame) = shared.queue.pop_front() {
            let len = frame.data_ref().map_or(0, Bytes::len);
            shared.queued -= len;
            shared.taken += len as u64;
            wake(&mut shared.writer);
            return Poll::Ready(Some(Ok(frame)));
        }
        match shared.state {
            State::Ended => Poll::Ready(None),
            State::Cut => Poll::Ready(Some(Err(CutShort))),
            State::Open => {
                shared.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// So many octets of what was taken have not gone to the client.
    pub(super) fn keeps(&self, unsent: u64) {
        self.shared.borrow_mut().unsent = unsent;
    }

    pub(super) fn is_ended(&self) -> bool {
        let shared = self.shared.borrow();
        shared.queue.is_empty() && shared.state == State::Ended
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        let mut shared = self.shared.borrow_mut();
        shared.is_reader_gone = true;
        shared.queue.clear();
        shared.queued = 0;
        wake(&mut shared.writer);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::super::charged;
    use super::*;

    fn context() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    fn frame(len: usize) -> Frame<Bytes> {
        Frame::data(Bytes::from(vec![0; len]))
    }

    fn push(writer: &PipeWriter, budget: &Arc<Semaphore>) {
        let (frame, is_charged) = charged(frame(6), budget);
        writer.push(frame, is_charged);
    }

    #[test]
    fn a_writer_that_is_dropped_early_cuts_the_body_short() {
        let (writer, reader) = pipe(10);
        writer.push(frame(3), true);
        drop(writer);
        assert!(matches!(
            reader.poll_frame(&mut context()),
            Poll::Ready(Some(Ok(_)))
        ));
        assert!(matches!(
            reader.poll_frame(&mut context()),
            Poll::Ready(Some(Err(CutShort)))
        ));
        assert!(!reader.is_ended());
    }

    #[test]
    fn what_is_ahead_is_charged_and_given_back() {
        let budget = Arc::new(Semaphore::new(8));
        let (writer, reader) = pipe(100);
        push(&writer, &budget);
        assert!(writer.poll_room(&mut context()).is_ready());
        push(&writer, &budget);
        assert!(
            writer.poll_room(&mut context()).is_pending(),
            "one frame over the budget, and no more"
        );
        assert_eq!(budget.available_permits(), 2);
        let _ = reader.poll_frame(&mut context());
        let _ = reader.poll_frame(&mut context());
        assert!(writer.poll_room(&mut context()).is_ready());
        assert_eq!(budget.available_permits(), 8);
        push(&writer, &budget);
        drop(reader);
        assert_eq!(budget.available_permits(), 8);
        assert!(writer.is_reader_gone() && writer.poll_room(&mut context()).is_ready());
    }
}
