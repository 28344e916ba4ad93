//! What stands between a worker and its exchanges: what comes over HTTP/2, on either side, passes through the task of the connection
//! before it reaches that of its exchange, and a task that was adopted has yet to begin. Else it comes to the exchange itself.

use std::cell::Cell;
use std::rc::Rc;

/// How many there are of these on one worker.
#[derive(Clone, Debug, Default)]
pub struct Relays(Rc<Cell<usize>>);

/// One of them, for as long as it is there.
#[derive(Debug)]
pub struct Relay(Relays);

impl Relays {
    /// Counts one more.
    pub fn enter(&self) -> Relay {
        self.0.set(self.0.get() + 1);
        Relay(self.clone())
    }

    /// Whether there are any.
    pub fn are_any(&self) -> bool {
        self.0.get() > 0
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let Self(Relays(count)) = self;
        count.set(count.get() - 1);
    }
}
