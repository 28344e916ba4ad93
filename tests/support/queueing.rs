//! A storm of writes that wait: over keys of their own, over two at once, and over trees of which parts are shared.
//!
//! Every client keeps of each write when it was sent, when it was answered, with which status, and how long it had waited.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::support::http1::{Connection, Reply};

/// No client waits for anything longer than this: whoever waits for each other never ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// One write of the storm.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) id: u64,
    /// As the witness names them.
    pub(crate) resources: Vec<String>,
    pub(crate) sent: Instant,
    /// When the answer had arrived whole; none for a client that left.
    pub(crate) answered: Option<Instant>,
    pub(crate) status: Option<u16>,
    /// `Writegate-Waited`, in milliseconds.
    pub(crate) waited: Option<u64>,
}

impl Attempt {
    pub(crate) fn is_about(&self, resource: &str) -> bool {
        self.resources.iter().any(|name| name == resource)
    }
}

/// What became of all of them.
#[derive(Debug, Default)]
pub(crate) struct Queued {
    pub(crate) attempts: Vec<Attempt>,
    /// Of clients that wanted an answer and got none in their time.
    pub(crate) faults: Vec<String>,
    /// Answers that the backend had broken off.
    pub(crate) cut: usize,
}

impl Queued {
    /// How many were answered with this.
    pub(crate) fn count(&self, status: u16) -> usize {
        let is_so = |attempt: &&Attempt| attempt.status == Some(status);
        self.attempts.iter().filter(is_so).count()
    }

    pub(crate) fn longest_wait(&self) -> Duration {
        let waited = self.attempts.iter().filter_map(|attempt| attempt.waited);
        Duration::from_millis(waited.max().unwrap_or_default())
    }

    /// Lets so many clients loose on `gateway`.
    pub(crate) async fn storm(gateway: SocketAddr, clients: u64, lasting: Duration) -> Self {
        let until = Instant::now() + lasting;
        let mut running = JoinSet::new();
        for number in 0..clients {
            let rng = Rng::with_seed(41_000_003 ^ number);
            running.spawn(async move { play(gateway, rng, until).await });
        }
        let mut all = Self::default();
        for one in running.join_all().await {
            all.attempts.extend(one.attempts);
            all.faults.extend(one.faults);
            all.cut += one.cut;
        }
        all
    }
}

impl fmt::Display for Queued {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waited = self.attempts.iter().filter(|one| one.waited.is_some());
        writeln!(out, "  accepted            {:>6}", self.count(200))?;
        writeln!(out, "  refused             {:>6}", self.count(409))?;
        writeln!(out, "  had waited          {:>6}", waited.count())?;
        writeln!(
            out,
            "  longest wait        {:>6} ms",
            self.longest_wait().as_millis()
        )?;
        writeln!(out, "  cut by the backend  {:>6}", self.cut)?;
        write!(out, "  no answer in time   {:?}", self.faults)
    }
}

async fn play(gateway: SocketAddr, mut rng: Rng, until: Instant) -> Queued {
    let (mut kept, mut open) = (Queued::default(), None);
    while Instant::now() < until {
        let letter = Letter::draw(&mut rng);
        let leaves = (rng.u8(..6) == 0).then(|| Duration::from_millis(rng.u64(..300)));
        let sent = Instant::now();
        let asked = ask(gateway, open.take(), &letter, leaves);
        let (reply, connection) = match timeout(PATIENCE, asked).await {
            Ok(Ok(told)) => told,
            Ok(Err(_cut)) => {
                kept.cut += 1;
                (None, None)
            }
            Err(_late) => {
                kept.faults.push(format!("{letter:?} had no answer"));
                (None, None)
            }
        };
        let waited = |reply: &Reply| reply.head.field("writegate-waited")?.parse().ok();
        kept.attempts.push(Attempt {
            id: letter.id,
            resources: letter.resources,
            sent,
            answered: reply.as_ref().map(|_| Instant::now()),
            status: reply.as_ref().map(|reply| reply.status),
            waited: reply.as_ref().and_then(waited),
        });
        open = connection.filter(|_| reply.is_some_and(|reply| !reply.head.closes()));
        sleep(Duration::from_millis(rng.u64(1..30))).await;
    }
    kept
}

/// Sends a write; the answer, or none where the client has left before it came.
async fn ask(
    gateway: SocketAddr,
    open: Option<Connection>,
    letter: &Letter,
    leaves: Option<Duration>,
) -> io::Result<(Option<Reply>, Option<Connection>)> {
    let mut connection = match open {
        Some(open) => open,
        None => Connection::new(TcpStream::connect(gateway).await?)?,
    };
    connection.send(letter.text().as_bytes()).await?;
    let Some(after) = leaves else {
        let reply = connection.reply().await?;
        return Ok((Some(reply), Some(connection)));
    };
    match timeout(after, connection.reply()).await {
        Ok(reply) => Ok((Some(reply?), Some(connection))),
        Err(_left) => {
            connection.reset()?;
            Ok((None, None))
        }
    }
}

#[derive(Debug)]
struct Letter {
    id: u64,
    method: &'static str,
    resources: Vec<String>,
}

impl Letter {
    /// To a key of its own, to two, or somewhere in a tree, where a `PATCH` is shared.
    fn draw(rng: &mut Rng) -> Self {
        let (method, resources) = match rng.u8(..4) {
            0 => ("PUT", vec![format!("flat/{}", rng.u8(..3))]),
            1 => ("DELETE", vec![format!("flat/{}", rng.u8(..3))]),
            2 => {
                let one = rng.u8(..4);
                let other = (one + rng.u8(1..4)) % 4;
                ("MOVE", vec![format!("pair/{one}"), format!("pair/{other}")])
            }
            _ => {
                let method = ["PUT", "PATCH", "PATCH"][rng.usize(..3)];
                let below = ["", "/1", "/2"][rng.usize(..3)];
                (method, vec![format!("tree/{}{below}", rng.u8(..2))])
            }
        };
        Self {
            id: rng.u64(1..1 << 63),
            method,
            resources,
        }
    }

    fn text(&self) -> String {
        let Self {
            id,
            method,
            resources,
        } = self;
        let mut text = format!(
            "{method} /{} HTTP/1.1\r\nHost: storm.test\r\nX-Storm-Id: {id}\r\n",
            resources[0]
        );
        if let Some(destination) = resources.get(1) {
            text += &format!("Destination: /{destination}\r\n");
        }
        if *method == "PATCH" {
            text += "X-Storm-Mode: shared\r\n";
        }
        match *method {
            "PUT" | "PATCH" => text + "Content-Length: 2\r\n\r\n{}",
            _ => text + "\r\n",
        }
    }
}
