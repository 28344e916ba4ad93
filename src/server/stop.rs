//! How a server is told to stop: by signals, or by who embeds it.
//!
//! Invariants:
//! - What is told while nobody listens is heard when somebody does.
//! - Signals that come within [`ONE_WISH`] of the first are one telling: `timeout` signals its child and then its group, a
//!   service manager and a terminal may both. Who wants it to end at once still wants it a second later.

use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Told once and told again are two things; a third time says no more.
const TELLINGS: usize = 2;

/// How long after a signal others are taken for the same.
const ONE_WISH: Duration = Duration::from_secs(1);

/// Hears that it is to stop.
pub struct Stop(Source);

enum Source {
    Signals {
        terminate: Signal,
        interrupt: Signal,
        wishes: Wishes,
    },
    Stopper(mpsc::Receiver<()>),
}

/// Tells a [`Stop`] of its own. Dropped, it leaves it to go on.
#[derive(Debug)]
pub struct Stopper(mpsc::Sender<()>);

impl Stop {
    /// Told by SIGTERM and SIGINT, which from now on do nothing else in this process. To be called on a runtime.
    pub fn on_signals() -> io::Result<Self> {
        Ok(Self(Source::Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            wishes: Wishes::default(),
        }))
    }

    /// Told by the other of the two.
    pub fn by_hand() -> (Stopper, Self) {
        let (stopper, told) = mpsc::channel(TELLINGS);
        (Stopper(stopper), Self(Source::Stopper(told)))
    }

    /// Resolves each time that it is told.
    pub async fn told(&mut self) {
        match &mut self.0 {
            Source::Signals {
                terminate,
                interrupt,
                wishes,
            } => loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if wishes.is_new(Instant::now()) {
                    return;
                }
            },
            Source::Stopper(told) => {
                if told.recv().await.is_none() {
                    pending().await
                }
            }
        }
    }
}

/// Tells a wish from its echo.
#[derive(Default)]
struct Wishes {
    /// When the last one came that was new.
    last: Option<Instant>,
}

impl Wishes {
    fn is_new(&mut self, now: Instant) -> bool {
        let is_echo = self.last.is_some_and(|last| now < last + ONE_WISH);
        if !is_echo {
            self.last = Some(now);
        }
        !is_echo
    }
}

impl Stopper {
    /// Tells it to stop, or, told before, to end at once.
    pub fn stop(&self) {
        // Full, it has been told all; closed, nobody is left to be told.
        let _told = self.0.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use tokio::time::timeout;

    async fn is_told(stop: &mut Stop) -> bool {
        let told = timeout(Duration::from_secs(60), stop.told()).await;
        told.is_ok()
    }

    #[test]
    fn signals_within_a_second_of_the_first_are_one_wish() {
        let first = Instant::now();
        let mut wishes = Wishes::default();
        let after = [0, 1, 999, 1000, 1500, 2000];
        let is_new = after.map(|millis| wishes.is_new(first + Duration::from_millis(millis)));
        assert_eq!(is_new, [true, false, false, true, false, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_told_as_often_as_somebody_tells_it_and_not_by_their_leaving() {
        let (stopper, mut stop) = Stop::by_hand();
        assert!(!is_told(&mut stop).await);
        stopper.stop();
        stopper.stop();
        drop(stopper);
        assert!(is_told(&mut stop).await);
        assert!(is_told(&mut stop).await);
        assert!(!is_told(&mut stop).await);
    }
}
