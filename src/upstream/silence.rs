//! How long nothing has gone to the upstream or come from it.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::alarm::{Alarm, Alarms};

/// Tells when nothing has gone to the upstream or come from it for too long.
pub(super) struct Silence {
    limit: Duration,
    last_byte: Rc<Cell<Instant>>,
    /// Not before: it was told by then.
    put_off: Option<Instant>,
    alarm: Alarm,
}

impl Silence {
    pub(super) fn new(limit: Duration, last_byte: &Rc<Cell<Instant>>, alarms: &Rc<Alarms>) -> Self {
        Self {
            limit,
            last_byte: Rc::clone(last_byte),
            put_off: None,
            alarm: Alarm::new(alarms),
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = self.last_byte.get() + self.limit;
        let until = self.put_off.map_or(until, |put_off| until.max(put_off));
        self.alarm.poll(until, cx)
    }

    /// Not yet: it is told again after as much time.
    pub(super) fn put_off(&mut self) {
        self.put_off = Some(Instant::now() + self.limit);
    }
}
