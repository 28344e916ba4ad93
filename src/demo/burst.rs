//! The same burst of increments at the same time, sent to whoever is to be tried.
//!
//! Invariants:
//! - What is sent depends on the burst alone, not on whom it is sent to.
//! - An increment is sent again after a 409, which says that it was not forwarded, and after nothing else.
//! - It ends within its patience, and each client has one request under way at most.

use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;
use http::Method;
use indicatif::ProgressBar;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::backend::{ITEMS, Stock};
use super::client::{Client, ClientError};

/// The status of a write that was refused because it met another.
const CONFLICT: u16 = 409;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    /// How many send at the same time.
    pub(super) clients: u64,
    /// How many increments each of them sends, one after the other.
    pub(super) each: u64,
    /// Decides which client increments what.
    pub(super) seed: u64,
    /// After that no client goes on.
    pub(super) patience: Duration,
}

/// What came of a burst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) sent: u64,
    /// With 200, and so done as far as its client knows.
    pub(super) answered: u64,
    /// By how much there is more in stock.
    pub(super) counted: u64,
    pub(super) conflicts: u64,
    pub(super) took: Duration,
}

/// What one client saw.
#[derive(Default)]
struct Seen {
    answered: u64,
    conflicts: u64,
}

impl Burst {
    pub(super) fn increments(&self) -> u64 {
        self.clients * self.each
    }

    /// Sends it to `server`, and looks in the `backend` for what came of it. The bar moves with each increment.
    pub(super) async fn send(
        self,
        server: SocketAddr,
        backend: SocketAddr,
        bar: &ProgressBar,
    ) -> Result<Figures, ClientError> {
        let before = in_stock(backend).await?;
        let began = Instant::now();
        let clients = (0..self.clients).map(|number| {
            let rng = Rng::with_seed(self.seed.wrapping_add(number));
            self.play(Client::new(server), rng, bar.clone())
        });
        let seen = clients.collect::<JoinSet<_>>().join_all().await;
        let took = began.elapsed();
        let sum = |part: fn(&Seen) -> u64| seen.iter().map(part).sum();
        Ok(Figures {
            sent: self.increments(),
            answered: sum(|seen| seen.answered),
            counted: in_stock(backend).await?.saturating_sub(before),
            conflicts: sum(|seen| seen.conflicts),
            took,
        })
    }

    /// One client from its first increment to its last.
    async fn play(self, mut client: Client, mut rng: Rng, bar: ProgressBar) -> Seen {
        let deadline = Instant::now() + self.patience;
        let mut seen = Seen::default();
        for _ in 0..self.each {
            let item = rng.choice(ITEMS).expect("there is something in stock");
            let target = format!("/stock/{item}/increment");
            seen.increment(&mut client, &target, deadline).await;
            bar.inc(1);
        }
        seen
    }
}

impl Seen {
    /// Sends one increment until it is let through.
    async fn increment(&mut self, client: &mut Client, target: &str, deadline: Instant) {
        while Instant::now() < deadline {
            let sent = client.send(Method::POST, target);
            match timeout_at(deadline, sent).await {
                Ok(Ok(answer)) if answer.status == CONFLICT => {
                    self.conflicts += 1;
                    // Past the deadline the loop ends.
                    let _waited = timeout_at(deadline, sleep(answer.retry_after())).await;
                }
                Ok(Ok(answer)) => {
                    self.answered += u64::from(answer.status == 200);
                    return;
                }
                // It may have been done all the same: to send it again might be to count it twice.
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }
}

/// How much there is of everything, as the backend tells it.
async fn in_stock(backend: SocketAddr) -> Result<u64, ClientError> {
    let mut client = Client::new(backend);
    let mut sum = 0;
    for item in ITEMS {
        let answer = client.send(Method::GET, &format!("/stock/{item}")).await?;
        let stock: Option<Stock> = serde_json::from_slice(&answer.body).ok();
        let stock = stock.filter(|stock| stock.item == item);
        let untold = ClientError::Untold {
            server: backend,
            item,
        };
        sum += stock.ok_or(untold)?.count;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::backend::Backend;

    const BURST: Burst = Burst {
        clients: 10,
        each: 4,
        seed: 7,
        patience: Duration::from_secs(30),
    };

    #[tokio::test]
    async fn the_backend_loses_updates_that_meet_and_none_that_do_not() {
        let backend = Backend::start(2..=6, 1).unwrap();
        let to = backend.address;
        let bar = ProgressBar::hidden();
        let met = BURST.send(to, to, &bar).await.unwrap();
        assert_eq!((met.sent, met.answered, met.conflicts), (40, 40, 0));
        assert!(met.counted < met.answered, "{met:?}");
        let alone = Burst {
            clients: 1,
            ..BURST
        };
        let alone = alone.send(to, to, &bar).await.unwrap();
        assert_eq!((alone.sent, alone.answered, alone.counted), (4, 4, 4));
        assert_eq!(bar.position(), 44);
    }

    #[tokio::test]
    async fn a_burst_ends_within_its_patience_and_counts_what_was_not_answered() {
        let backend = Backend::start(30_000..=30_000, 1).unwrap();
        let hasty = Burst {
            patience: Duration::from_millis(50),
            ..BURST
        };
        let to = backend.address;
        let figures = hasty.send(to, to, &ProgressBar::hidden()).await.unwrap();
        assert_eq!((figures.sent, figures.answered), (40, 0));
        assert!(figures.took < Duration::from_secs(20), "{figures:?}");
    }
}
