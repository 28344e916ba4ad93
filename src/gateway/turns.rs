//! Lets a worker wait until another has looked at everything that had reached it.
//!
//! A response may have arrived at the socket of a worker that has not read it yet. Before a write is
//! refused because of its hold, the worker that runs the exchange gets its turn: if
//! the upstream was done before the refused write came, the hold has ended by then.

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;

use crate::upstream::Relays;

/// A wish to know that a turn is over.
pub type TurnRequest = oneshot::Sender<()>;

/// One worker's way to the turns of all.
#[derive(Clone, Debug)]
pub struct Turns {
    worker: u16,
    workers: Vec<mpsc::Sender<TurnRequest>>,
}

impl Turns {
    /// The turns as seen by `worker`, whose own is among `workers`, by their numbers.
    pub const fn new(worker: u16, workers: Vec<mpsc::Sender<TurnRequest>>) -> Self {
        Self { worker, workers }
    }

    /// The worker whose view this is.
    pub const fn worker(&self) -> u16 {
        self.worker
    }

    /// Returns when `worker` has looked at all that had reached it. A worker that has more of these
    /// wishes than it can queue is not waited for.
    /// The `relays` are those of the worker whose view this is.
    pub async fn catch_up(&self, worker: u16, relays: &Relays) {
        let other = self
            .workers
            .get(usize::from(worker))
            .filter(|_| worker != self.worker);
        let Some(other) = other else {
            return turn(relays).await;
        };
        let (done, wait) = oneshot::channel();
        if other.try_send(done).is_ok() {
            // A worker that has gone has nothing left to look at.
            let _ = wait.await;
        }
    }

    /// Grants the wishes of the other workers, for as long as it is polled, on the worker whose `relays` these are.
    pub async fn serve(mut wishes: mpsc::Receiver<TurnRequest>, relays: Relays) {
        let mut granted = Vec::new();
        while wishes.recv_many(&mut granted, 64).await > 0 {
            turn(&relays).await;
            for done in granted.drain(..) {
                // One that no longer waits needs no answer.
                let _ = done.send(());
            }
        }
    }
}

/// Lets what is ready by now go on; and what that makes ready, where anything stands between, before or after.
async fn turn(relays: &Relays) {
    let were_any = relays.are_any();
    yield_now().await;
    if were_any || relays.are_any() {
        yield_now().await;
    }
}
