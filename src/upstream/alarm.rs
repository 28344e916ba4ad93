//! Timers that are seldom waited for to their end: every exchange has one, and nearly none comes to it.
//!
//! Invariants:
//! - One that is given back stays set, so that whoever takes it next nearly always finds it set early enough, and sets it anew
//!   only when it goes off.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// How many are kept of those that nobody uses.
const KEPT: usize = 1024;

/// The timers of one worker that nobody uses.
#[derive(Debug, Default)]
pub struct Alarms(RefCell<Vec<Pin<Box<Sleep>>>>);

/// A timer, once it is needed.
#[derive(Debug)]
pub(super) struct Alarm {
    home: Rc<Alarms>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    pub(super) fn new(home: &Rc<Alarms>) -> Self {
        Self {
            home: Rc::clone(home),
            sleep: None,
        }
    }

    /// Ready at `until`, which may be another each time.
    pub(super) fn poll(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| {
            let kept = self.home.0.borrow_mut().pop();
            kept.unwrap_or_else(|| Box::pin(sleep_until(until)))
        });
        if sleep.deadline() > until {
            sleep.as_mut().reset(until);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if until <= Instant::now() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(until);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(sleep) = self.sleep.take() {
            let mut kept = self.home.0.borrow_mut();
            if kept.len() < KEPT {
                kept.push(sleep);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_alarm_goes_off_at_its_time_whoever_had_it_before() {
        let home = Rc::new(Alarms::default());
        let zero = Instant::now();
        let at = |seconds| zero + Duration::from_secs(seconds);
        for (first, then) in [(5, 2), (5, 9), (3, 3)] {
            let begun = zero.elapsed().as_secs();
            let mut alarm = Alarm::new(&home);
            let set = poll_fn(|cx| Poll::Ready(alarm.poll(at(begun + first), cx))).await;
            assert!(set.is_pending());
            drop(alarm);
            let mut alarm = Alarm::new(&home);
            poll_fn(|cx| alarm.poll(at(begun + then), cx)).await;
            assert_eq!(zero.elapsed(), Duration::from_secs(begun + then));
        }
        assert_eq!(
            home.0.borrow().len(),
            1,
            "one after the other, one is enough"
        );
    }
}
