//! A worker: an operating-system thread with a runtime and upstream connections of its own.
//!
//! A request never leaves its worker. Workers share the table, the configuration, and turns.

use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::{spawn_local, yield_now};
use tokio::time::{interval, timeout};
use tracing::{info, warn};

use super::admission::Admitted;
use super::connection::{Draining, Served, begin};
use super::handshake::shake_hands;
use super::memory::give_back;
use crate::config::Config;
use crate::gateway::{Counts, Gateway, Shared, TurnRequest, Turns};
use crate::tls::{ClientConfig, Current, ServerConfig};
use crate::upstream::{Connect, Dialer, HoldTimes, Limits, Tasks};
use crate::wire::{Batch, Stream};

/// How often what is no longer of use is given back.
const SWEEP: Duration = Duration::from_secs(1);

/// A connection that was accepted and not yet read.
pub(super) enum Accepted {
    Tcp(std::net::TcpStream, IpAddr),
    Tls(std::net::TcpStream, IpAddr),
    Unix(std::os::unix::net::UnixStream),
}

/// What is shown on both sides, as it is now.
#[derive(Clone, Default)]
pub(super) struct Certificates {
    pub(super) served: Option<Current<ServerConfig>>,
    pub(super) outward: Option<Current<ClientConfig>>,
}

/// What a worker is made of, beside its number.
pub(super) struct Parts {
    /// Whether it is the one that does what is done once for all: tries the upstream at the start, and has memory given back.
    pub(super) is_first: bool,
    pub(super) shared: Shared,
    pub(super) connections: mpsc::Receiver<(Accepted, Admitted)>,
    pub(super) certificates: Certificates,
    pub(super) turns: Turns,
    pub(super) wishes: mpsc::Receiver<TurnRequest>,
    /// How many connections it has.
    pub(super) load: Arc<AtomicUsize>,
    /// Told what it has done when it ends.
    pub(super) ended: oneshot::Sender<Ended>,
}

/// What a worker has to tell when it has ended.
pub(super) struct Ended {
    counts: Arc<Counts>,
    /// How many connections and exchanges there were when it began to drain.
    drained: usize,
}

impl Parts {
    /// Starts the worker's thread.
    pub(super) fn start(self) -> io::Result<()> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default());
        // Tried here, since a thread could not say that it failed; nothing runs on it that would have to be waited for.
        runtime?.shutdown_background();
        let name = format!("worker-{}", self.turns.worker());
        thread::Builder::new()
            .name(name)
            .spawn(move || self.run())?;
        Ok(())
    }

    fn run(self) {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default());
        match runtime {
            Ok(runtime) => {
                let (has_ended, gateway, drained) = runtime.block_on(self.work());
                // What has not settled is told as it is dropped.
                drop(runtime);
                gateway.limits().tasks.abandon();
                let counts = Arc::clone(gateway.counts());
                // Whoever waits for it may have gone.
                let _ = has_ended.send(Ended { counts, drained });
            }
            Err(error) => warn!(%error, "a worker could not start"),
        }
    }

    /// Serves connections until no more are handed over, and then as long as a drain may take.
    async fn work(mut self) -> (oneshot::Sender<Ended>, Rc<Gateway<Dialer>>, usize) {
        let Certificates { served, outward } = self.certificates;
        let tls = self.shared.config.upstream.tls.as_ref();
        let dialer = Dialer::new(outward, tls.and_then(|tls| tls.name.clone()));
        let gateway = gateway_at_work(self.shared, dialer, self.turns, self.wishes);
        let tasks = Rc::clone(&gateway.limits().tasks);
        if self.is_first {
            let gateway = Rc::clone(&gateway);
            // A drain waits for neither.
            spawn_local(async move { gateway.try_upstream().await });
            spawn_local(give_back());
        }
        let (drain, draining) = watch::channel(false);
        while let Some((accepted, admitted)) = self.connections.recv().await {
            let load = (Load(Arc::clone(&self.load)), admitted);
            let taken_over = accepted.begin(Rc::clone(&gateway), served.clone(), draining.clone());
            // Boxed, so that a connection that rests does not keep the room for how it began.
            let taken_over = Box::pin(taken_over);
            tasks.adopt(async move {
                match taken_over.await {
                    Ok(Some(served)) => served.await,
                    Ok(None) => {}
                    Err(error) => warn!(%error, "a connection could not be taken over"),
                }
                // Kept until the socket is closed: until then the connection counts.
                drop(load);
            });
        }
        // What has reached the sockets of new connections by now is read first.
        yield_now().await;
        let drained = tasks.running();
        drain.send_replace(true);
        if timeout(gateway.config().server.drain, tasks.ended())
            .await
            .is_err()
        {
            warn!(
                tasks = tasks.running(),
                "not everything had settled by the end of the drain"
            );
        }
        (self.ended, gateway, drained)
    }
}

/// A gateway with all that goes on beside its requests: what it detaches runs on, others get their turns,
/// and what is of no more use is given back. To be called on a runtime that takes local tasks.
pub fn gateway_at_work<C: Connect>(
    shared: Shared,
    connector: C,
    turns: Turns,
    wishes: mpsc::Receiver<TurnRequest>,
) -> Rc<Gateway<C>> {
    let tasks = Rc::new(Tasks::default());
    let adopting = Rc::clone(&tasks);
    spawn_local(async move { adopting.run().await });
    spawn_local(Turns::serve(wishes, tasks.relays().clone()));
    let limits = limits(&shared.config, &tasks);
    let gateway = Rc::new(Gateway::new(shared, connector, limits, turns));
    spawn_local(gateway.expire());
    let sweeping = Rc::clone(&gateway);
    spawn_local(async move {
        let mut ticks = interval(SWEEP);
        loop {
            ticks.tick().await;
            sweeping.sweep();
        }
    });
    gateway
}

impl Accepted {
    /// Takes the connection over, and finds out what is spoken over it; none where a client and the gateway do not agree on TLS.
    async fn begin<C: Connect>(
        self,
        gateway: Rc<Gateway<C>>,
        certificates: Option<Current<ServerConfig>>,
        draining: Draining,
    ) -> io::Result<Option<Served>> {
        Ok(match self.into_stream(&gateway, certificates).await? {
            Some((stream, address)) => Some(begin(gateway, stream, address, draining).await),
            None => None,
        })
    }

    /// Where the client connects from; none over a Unix socket.
    pub(super) const fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(_, address) | Self::Tls(_, address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// What HTTP is spoken over; none where a client and the gateway do not agree on TLS.
    async fn into_stream<C: Connect>(
        self,
        gateway: &Gateway<C>,
        served: Option<Current<ServerConfig>>,
    ) -> io::Result<Option<(Stream, Option<IpAddr>)>> {
        let (stream, address) = match self {
            Self::Tcp(stream, address) => {
                (Stream::Tcp(TcpStream::from_std(stream)?), Some(address))
            }
            Self::Tls(stream, address) => {
                let stream = TcpStream::from_std(stream)?;
                let served = served.expect("the configuration has certificates for a TLS listener");
                // Boxed: a handshake is large, and most connections are past theirs.
                let shaking = Box::pin(shake_hands(gateway, stream, address, served.now()));
                let Some(secure) = shaking.await else {
                    return Ok(None);
                };
                (Stream::Tls(Box::new(secure)), Some(address))
            }
            Self::Unix(stream) => (Stream::Unix(UnixStream::from_std(stream)?), None),
        };
        Ok(Some((stream, address)))
    }
}

fn limits(config: &Config, tasks: &Rc<Tasks>) -> Limits {
    let (server, upstream) = (&config.server, &config.upstream);
    let half = server.buffers / server.workers.get() / 2;
    Limits {
        protocol: upstream.protocol,
        keep_case: upstream.keep_case,
        connect_timeout: upstream.connect_timeout,
        response_timeout: upstream.response_timeout,
        idle_timeout: upstream.idle_timeout,
        response_buffer: server.response_buffer,
        send_timeout: server.send_timeout,
        idle_client: server.idle_timeout,
        min_body_rate: server.min_body_rate,
        budget: Arc::new(Semaphore::new(half)),
        response_budget: Arc::new(Semaphore::new(half)),
        alarms: Rc::default(),
        tasks: Rc::clone(tasks),
        hold_times: Rc::new(HoldTimes::default()),
        batch: Batch::default(),
    }
}

/// One connection's part of its worker's load.
pub(super) struct Load(pub(super) Arc<AtomicUsize>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the workers have done, as they end, and how many holds are left: of unknown outcome, or not settled in time.
pub(super) fn tell(ended: &[Ended], holds: usize) {
    let sum =
        |count: fn(&Counts) -> u64| ended.iter().map(|ended| count(&ended.counts)).sum::<u64>();
    info!(
        requests = sum(Counts::requests),
        conflicts = sum(Counts::conflicts),
        overlaps = sum(Counts::overlaps),
        drained = ended.iter().map(|ended| ended.drained).sum::<usize>(),
        holds,
        "stopped"
    );
}
