//! Listeners and workers: accepts connections, hands them out, and drains.
//!
//! Invariants:
//! - A connection is handed over unread, to the worker that has the fewest.
//! - Told to stop, it accepts nothing more, and everything at work may settle within `server.drain`; told again, it
//!   ends at once. `run` is told by signals, and nothing else here listens to them.

mod admission;
mod connection;
mod handshake;
mod http1;
mod http2;
mod listener;
mod memory;
mod stop;
mod worker;

pub use connection::serve;
pub use stop::{Stop, Stopper};
pub use worker::gateway_at_work;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::config::{Config, Listen};
use crate::gateway::{Shared, Turns};
use crate::table::Table;
use admission::{Admission, Admitted};
use listener::Listener;
use worker::{Accepted, Certificates, Parts};

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

/// What to do about an address that cannot be listened on.
const REMEDIES: [(io::ErrorKind, &str); 3] = [
    (
        io::ErrorKind::AddrInUse,
        "another process listens there (`ss -ltnp` shows which): end it, or choose another address with --listen",
    ),
    (
        io::ErrorKind::AddrNotAvailable,
        "this machine has no such address: `ip address` shows those that it has",
    ),
    (
        io::ErrorKind::PermissionDenied,
        "a port below 1024 needs CAP_NET_BIND_SERVICE, and a Unix socket a directory that can be written to: choose another \
         address with --listen",
    ),
];

impl ServerError {
    /// What to do about it, where that is known.
    pub fn remedy(&self) -> Option<&'static str> {
        let Self::Listen { source, .. } = self else {
            return None;
        };
        let mut remedies = REMEDIES.iter();
        let known = remedies.find(|(kind, _)| *kind == source.kind());
        known.map(|(_, remedy)| *remedy)
    }
}

/// Serves until a signal says to stop, and what was at work then has settled.
pub fn run(config: Config) -> Result<(), ServerError> {
    memory::without_huge_pages();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServerError::Start)?;
    runtime.block_on(async {
        let stop = Stop::on_signals().map_err(ServerError::Start)?;
        Server::bind(config)?.serve(stop).await
    })
}

/// A gateway that listens, and does not answer yet. [`run`] is the way to have one in a process of its own; this is for
/// those who have more in theirs.
pub struct Server {
    config: Arc<Config>,
    listeners: Vec<Listener>,
    addresses: Vec<Listen>,
}

/// What serves: the workers, and how one hears of their end.
struct Workers {
    table: Arc<Table>,
    workers: Vec<Worker>,
    ended: Vec<oneshot::Receiver<worker::Ended>>,
}

/// A worker, as the acceptor sees it.
#[derive(Clone)]
struct Worker {
    connections: mpsc::Sender<(Accepted, Admitted)>,
    load: Arc<AtomicUsize>,
}

impl Server {
    /// Listens on every address of `config`. To be called on a runtime.
    pub fn bind(config: Config) -> Result<Self, ServerError> {
        let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
        for address in &config.server.listen {
            let bound = Listener::bind(address)
                .and_then(|listener| Ok((listener.address(address)?, listener)));
            let (address, listener) = bound.map_err(|source| ServerError::Listen {
                address: address.to_string(),
                source,
            })?;
            listeners.push(listener);
            addresses.push(address);
        }
        Ok(Self {
            config: Arc::new(config),
            listeners,
            addresses,
        })
    }

    /// Where it listens, in the order of the configuration, with the port that the system chose in place of 0.
    pub fn addresses(&self) -> &[Listen] {
        &self.addresses
    }

    /// Serves until it is told to stop, and what was at work then has settled. Dropped before that, it lets its workers
    /// drain, and nobody hears of their end.
    pub async fn serve(self, mut stop: Stop) -> Result<(), ServerError> {
        let mut following = JoinSet::new();
        let certificates = certificates(&self.config, &mut following);
        let Workers {
            table,
            workers,
            ended: ends,
        } = Workers::start(&self.config, &certificates)?;
        let servers = self.config.upstream.servers.iter();
        let upstream = servers
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        let admission = Admission::new(&self.config.server.limits);
        let mut accepting = JoinSet::new();
        for (address, listener) in self.addresses.iter().zip(self.listeners) {
            info!(%address, workers = workers.len(), upstream, "listening");
            let (workers, admission) = (workers.clone(), admission.clone());
            accepting.spawn(async move { accept_for(listener, &admission, &workers).await });
        }
        let mut ended = JoinSet::new();
        for end in ends {
            ended.spawn(end);
        }
        tokio::select! {
            () = stop.told() => {}
            _ = ended.join_next() => return Err(ServerError::WorkerDied),
        }
        info!(drain = ?self.config.server.drain, "stopping: what is at work may settle; a second signal ends it at once");
        accepting.shutdown().await;
        drop(workers);
        tokio::select! {
            () = stop.told() => warn!("ended at once, by a second signal"),
            ended = ended.join_all() => {
                table.sweep();
                worker::tell(&ended.into_iter().flatten().collect::<Vec<_>>(), table.len());
            }
        }
        Ok(())
    }
}

impl Workers {
    fn start(config: &Arc<Config>, certificates: &Certificates) -> Result<Self, ServerError> {
        let shared = Shared::new(Arc::clone(config));
        let count = config.server.workers.get();
        let (wishes, turns): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel(WISHES)).unzip();
        let (mut workers, mut ended) = (Vec::new(), Vec::new());
        for (number, turn_requests) in (0u16..).zip(turns) {
            let (connections, accepted) = mpsc::channel(HANDED_OVER);
            let (has_ended, end) = oneshot::channel();
            let load = Arc::new(AtomicUsize::new(0));
            let parts = Parts {
                is_first: number == 0,
                shared: shared.clone(),
                connections: accepted,
                certificates: certificates.clone(),
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
            table: shared.table,
            workers,
            ended,
        })
    }
}

/// What is shown on both sides, for as long as `following` runs as the files have it.
fn certificates(config: &Config, following: &mut JoinSet<()>) -> Certificates {
    let served = config.server.tls.as_ref().map(|tls| {
        let (current, follow) = tls.served.follow();
        following.spawn(follow);
        current
    });
    let outward = config.upstream.tls.as_ref().map(|tls| {
        let (current, follow) = tls.outward.follow();
        following.spawn(follow);
        current
    });
    Certificates { served, outward }
}

async fn accept_for(listener: Listener, admission: &Admission, workers: &[Worker]) {
    loop {
        let room = admission.room().await;
        match listener.accept().await {
            Ok(accepted) => {
                if let Some(admitted) = admission.admit(room, accepted.address()) {
                    hand_over((accepted, admitted), workers).await;
                }
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// To the worker with the fewest connections; one whose queue is full is waited for.
async fn hand_over(accepted: (Accepted, Admitted), workers: &[Worker]) {
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
    #[cfg(not(feature = "shuttle"))]
    mod contention;

    use super::*;
    use crate::config::{Override, Overrides};
    use std::os::unix::net::UnixStream;

    use worker::Load;

    fn worker() -> (Worker, mpsc::Receiver<(Accepted, Admitted)>) {
        let (connections, accepted) = mpsc::channel(8);
        let load = Arc::new(AtomicUsize::new(0));
        (Worker { connections, load }, accepted)
    }

    async fn hand_over_several(count: usize, workers: &[Worker]) {
        let overrides = Overrides {
            upstream: Some(Override::flag("--upstream", "http://127.0.0.1:3000")),
            ..Overrides::default()
        };
        let config = Config::parse("test", "", &overrides).expect("a configuration");
        let admission = Admission::new(&config.server.limits);
        for _ in 0..count {
            let (accepted, _) = UnixStream::pair().expect("a connection");
            let admitted = admission.admit(admission.room().await, None);
            let admitted = admitted.expect("there is room");
            hand_over((Accepted::Unix(accepted), admitted), workers).await;
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
