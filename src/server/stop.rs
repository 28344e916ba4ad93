//! How a server is told to stop: by signals, or by who embeds it.
//!
//! Invariant: what is told while nobody listens is heard when somebody does.

use std::future::pending;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Told once and told again are two things; a third time says no more.
const TELLINGS: usize = 2;

/// Hears that it is to stop.
pub struct Stop(Source);

enum Source {
    Signals {
        terminate: Signal,
        interrupt: Signal,
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
            } => tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            },
            Source::Stopper(told) => {
                if told.recv().await.is_none() {
                    pending().await
                }
            }
        }
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
    use std::time::Duration;

    use tokio::time::timeout;

    async fn is_told(stop: &mut Stop) -> bool {
        let told = timeout(Duration::from_secs(60), stop.told()).await;
        told.is_ok()
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
