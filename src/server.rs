//! Listeners and workers: accepts connections, hands them out, and drains.
//!
//! Invariants:
//! - A connection is handed over unread, to the worker that has the fewest.
//! - After the first signal nothing more is accepted, and everything at work may settle within
//!   `server.drain`; a second signal ends the process at once.

mod connection;
mod listener;
mod worker;

pub use connection::serve;
pub use worker::gateway_at_work;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::config::Config;
use crate::gateway::{Counts, Turns};
use crate::table::Table;
use listener::Listener;
use worker::{Accepted, Parts};

/// Connections that each worker may have waiting.
const HANDED_OVER: usize = 1024;

/// Wishes for a turn that a worker queues; past that it is not waited for.
const WISHES: usize = 1024;

/// How long to wait when no connection can be accepted, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why the server cannot start or go on.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The process lacks something that it needs from the system.
    #[error("cannot start")]
    Start(#[source] io::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address, as configured.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// A worker has ended although nobody asked it to: a bug.
    #[error("a worker has ended unexpectedly")]
    WorkerDied,
}

/// Serves until a signal says to stop, and what was at work then has settled.
pub fn run(config: Config) -> Result<(), ServerError> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServerError::Start)?;
    runtime.block_on(Server::start(config)?.serve())
}

struct Server {
    config: Arc<Config>,
    table: Arc<Table>,
    workers: Vec<Worker>,
    ended: Vec<oneshot::Receiver<Arc<Counts>>>,
}

/// A worker, as the acceptor sees it.
#[derive(Clone)]
struct Worker {
    connections: mpsc::Sender<Accepted>,
    load: Arc<AtomicUsize>,
}

impl Server {
    fn start(config: Config) -> Result<Self, ServerError> {
        let config = Arc::new(config);
        let table = Table::new(config.server.max_holds);
        let count = config.server.workers.get();
        let (wishes, turns): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel(WISHES)).unzip();
        let (mut workers, mut ended) = (Vec::new(), Vec::new());
        for (number, turn_requests) in (0u16..).zip(turns) {
            let (connections, accepted) = mpsc::channel(HANDED_OVER);
            let (has_ended, end) = oneshot::channel();
            let load = Arc::new(AtomicUsize::new(0));
            let parts = Parts {
                config: Arc::clone(&config),
                table: Arc::clone(&table),
                connections: accepted,
                turns: Turns::new(number, wishes.clone()),
                wishes: turn_requests,
                load: Arc::clone(&load),
                ended: has_ended,
            };
            parts.start().map_err(ServerError::Start)?;
            workers.push(Worker { connections, load });
            ended.push(end);
        }
        Ok(Self {
            config,
            table,
            workers,
            ended,
        })
    }

    async fn serve(self) -> Result<(), ServerError> {
        let mut terminate = signal(SignalKind::terminate()).map_err(ServerError::Start)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServerError::Start)?;
        let servers = self.config.upstream.servers.iter();
        let upstream = servers
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        let mut accepting = JoinSet::new();
        for address in &self.config.server.listen {
            let listener = Listener::bind(address).map_err(|source| ServerError::Listen {
                address: address.to_string(),
                source,
            })?;
            info!(%address, workers = self.workers.len(), upstream, "listening");
            let workers = self.workers.clone();
            accepting.spawn(async move { accept_for(listener, &workers).await });
        }
        let mut ended = JoinSet::new();
        for end in self.ended {
            ended.spawn(end);
        }
        tokio::select! {
            () = told_to_stop(&mut terminate, &mut interrupt) => {}
            _ = ended.join_next() => return Err(ServerError::WorkerDied),
        }
        info!(drain = ?self.config.server.drain, "stopping: what is at work may settle; a second signal ends it at once");
        accepting.shutdown().await;
        drop(self.workers);
        tokio::select! {
            () = told_to_stop(&mut terminate, &mut interrupt) => warn!("ended at once, by a second signal"),
            counts = ended.join_all() => {
                self.table.sweep();
                worker::tell(&counts.into_iter().flatten().collect::<Vec<_>>(), self.table.len());
            }
        }
        Ok(())
    }
}

async fn told_to_stop(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn accept_for(listener: Listener, workers: &[Worker]) {
    loop {
        match listener.accept().await {
            Ok(accepted) => hand_over(accepted, workers).await,
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// To the worker with the fewest connections; one whose queue is full is waited for.
async fn hand_over(accepted: Accepted, workers: &[Worker]) {
    let least = workers
        .iter()
        .min_by_key(|worker| worker.load.load(Ordering::Relaxed));
    let worker = least.expect("there is at least one worker");
    worker.load.fetch_add(1, Ordering::Relaxed);
    if worker.connections.send(accepted).await.is_err() {
        warn!("a connection came for a worker that has ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    use worker::Load;

    fn worker() -> (Worker, mpsc::Receiver<Accepted>) {
        let (connections, accepted) = mpsc::channel(8);
        let load = Arc::new(AtomicUsize::new(0));
        (Worker { connections, load }, accepted)
    }

    async fn hand_over_several(count: usize, workers: &[Worker]) {
        for _ in 0..count {
            let (accepted, _) = UnixStream::pair().expect("a connection");
            hand_over(Accepted::Unix(accepted), workers).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_handed_to_the_worker_that_has_the_fewest() {
        let ((one, first), (other, second)) = (worker(), worker());
        let workers = [one, other];
        hand_over_several(6, &workers).await;
        assert_eq!((first.len(), second.len()), (3, 3));
        // Two of the second's connections end.
        for _ in 0..2 {
            drop(Load(Arc::clone(&workers[1].load)));
        }
        hand_over_several(2, &workers).await;
        assert_eq!((first.len(), second.len()), (3, 5));
        hand_over_several(2, &workers).await;
        assert_eq!((first.len(), second.len()), (4, 6));
    }
}
