//! A storm: many clients over raw sockets on few resources, seeded, with the manners that it is given.
//!
//! - Every client keeps, for each request, when it was sent, when the answer had arrived whole, and what it was.
//! - A client that means to stay and gets no whole answer is a fault; one that leaves on purpose is not.
//! - What was refused waits a little before it comes again, as clients do; that shapes the load and decides nothing.

mod client;
mod letter;

use crate::support::http1::Connection;
use crate::support::tally::Tally;
use crate::support::witness::Witness;
use client::Client;
use fastrand::Rng;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// No client waits for anything longer than this.
const PATIENCE: Duration = Duration::from_secs(10);
const RESOURCES: u64 = 8;

/// How clients behave: shares of requests, 0 to 1, drawn in this order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners {
    /// Leave at some stage, by a FIN or a reset.
    pub(crate) leave: f64,
    /// Shut down writing once the write is at work, and still want the answer.
    pub(crate) half_close: f64,
    /// Send the request a few bytes at a time.
    pub(crate) dribble: f64,
    /// Send two writes at once on one connection.
    pub(crate) pipeline: f64,
    /// Spell the path in any of its equivalent ways, on every request.
    pub(crate) spell: bool,
    /// Name the method in an override, now and then.
    pub(crate) override_method: bool,
}

impl Manners {
    /// Keep-alive, whole requests, patience.
    pub(crate) const CALM: Self = Self {
        leave: 0.0,
        half_close: 0.0,
        dribble: 0.0,
        pipeline: 0.0,
        spell: false,
        override_method: false,
    };
    /// More than a third of the requests are hung up on; the others come in odd ways, too.
    pub(crate) const HANG_UPS: Self = Self {
        leave: 0.35,
        half_close: 0.1,
        dribble: 0.05,
        pipeline: 0.1,
        ..Self::CALM
    };
    /// Calm, but nobody spells a path or names a method as the next one does.
    pub(crate) const SPELLINGS: Self = Self {
        spell: true,
        override_method: true,
        ..Self::CALM
    };
}

/// The plan of a storm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storm {
    pub(crate) seed: u64,
    pub(crate) clients: u64,
    pub(crate) lasting: Duration,
    pub(crate) manners: Manners,
}

impl Storm {
    /// The usual size: 48 clients for five seconds, about a thousand writes.
    pub(crate) fn new(seed: u64, manners: Manners) -> Self {
        Self {
            seed,
            clients: 48,
            lasting: Duration::from_secs(5),
            manners,
        }
    }

    /// Lets the storm loose on `gateway`, behind which `witness` stands, and counts when nothing is at work any more.
    pub(crate) async fn run(&self, gateway: SocketAddr, witness: &Arc<Witness>) -> Tally {
        let overlaps_before = witness.overlaps();
        let until = Instant::now() + self.lasting;
        let mut clients = JoinSet::new();
        for number in 0..self.clients {
            let rng = Rng::with_seed(self.seed.wrapping_mul(1_000_003) ^ number);
            let client = Client::new(gateway, Arc::clone(witness), self.manners, rng);
            clients.spawn(client.run(until));
        }
        let attempts = clients.join_all().await.into_iter().flatten().collect();
        let works = witness.when_idle().await;
        Tally::new(attempts, &works, witness.overlaps() - overlaps_before)
    }

    /// Writes once to every resource, each in turn, until it is accepted: nothing may be held for longer than `patience` any more.
    pub(crate) async fn every_resource_is_free(gateway: SocketAddr, patience: Duration) {
        let deadline = Instant::now() + patience;
        for resource in 0..RESOURCES {
            loop {
                let status = write_once(gateway, &path_of(resource)).await;
                if matches!(status, Ok(200)) {
                    break;
                }
                assert!(
                    Instant::now() < deadline,
                    "{} is still not free: {status:?}",
                    path_of(resource)
                );
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

fn path_of(resource: u64) -> String {
    format!("/users/ann@example.com/notes-{resource}")
}

async fn write_once(gateway: SocketAddr, path: &str) -> io::Result<u16> {
    let mut connection = connect(gateway).await?;
    let request = format!(
        "PUT {path} HTTP/1.1\r\nHost: storm.test\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
    );
    connection.send(request.as_bytes()).await?;
    in_time(connection.reply()).await.map(|reply| reply.status)
}

async fn connect(gateway: SocketAddr) -> io::Result<Connection> {
    Connection::new(in_time(TcpStream::connect(gateway)).await?)
}

async fn in_time<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|late| Err(io::Error::new(io::ErrorKind::TimedOut, late)))
}
