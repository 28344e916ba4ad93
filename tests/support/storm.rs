//! A storm: many clients over raw sockets on few resources, seeded, with the manners that it is given.
//!
//! - Every client keeps, for each request, when it was sent, when the answer had arrived whole, and what it was.
//! - A client that means to stay and gets no whole answer is a fault; one that leaves on purpose is not.
//! - What was refused waits a little before it comes again, as clients do; that shapes the load and decides nothing.

use crate::support::http1::{Connection, Reply};
use crate::support::spelling::spelled;
use crate::support::tally::{Attempt, Outcome, Tally};
use crate::support::witness::Witness;
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
            let witness = Arc::clone(witness);
            let client = Client {
                gateway,
                witness,
                manners: self.manners,
                rng,
                connection: None,
                attempts: Vec::new(),
                until,
            };
            clients.spawn(client.run());
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

/// Where a client that leaves, leaves.
#[derive(Clone, Copy, Debug)]
enum Stage {
    WithinHead,
    AfterHead,
    WithinBody,
    AfterRequest,
    Waiting,
    WithinResponse,
}

const STAGES: [Stage; 6] = [
    Stage::WithinHead,
    Stage::AfterHead,
    Stage::WithinBody,
    Stage::AfterRequest,
    Stage::Waiting,
    Stage::WithinResponse,
];

#[derive(Clone, Copy, Debug)]
enum Conduct {
    Plain,
    Leave(Stage),
    HalfClose,
    Dribble,
    Pipeline,
}

/// A request ready to be sent.
struct Letter {
    id: u64,
    resource: u64,
    write: bool,
    bytes: Vec<u8>,
    /// Where in `bytes` the body starts.
    body_at: usize,
}

struct Client {
    gateway: SocketAddr,
    witness: Arc<Witness>,
    manners: Manners,
    rng: Rng,
    connection: Option<Connection>,
    attempts: Vec<Attempt>,
    until: Instant,
}

impl Client {
    async fn run(mut self) -> Vec<Attempt> {
        while Instant::now() < self.until {
            let letter = self.letter();
            let conduct = if letter.write {
                self.conduct()
            } else {
                Conduct::Plain
            };
            let resource = letter.resource;
            if let Err(fault) = self.meet(letter, conduct).await {
                self.connection = None;
                let now = Instant::now();
                let outcome = Outcome::Fault(format!("{conduct:?}: {fault}"));
                self.attempts.push(Attempt {
                    id: 0,
                    path: path_of(resource),
                    write: true,
                    sent: now,
                    answered: Some(now),
                    outcome,
                });
            }
            self.pause().await;
        }
        self.attempts
    }

    /// A client that was refused comes again later than one that was served.
    async fn pause(&mut self) {
        let refused = self
            .attempts
            .last()
            .is_some_and(|last| matches!(last.outcome, Outcome::Status(409) | Outcome::Unknown));
        let millis = if refused {
            self.rng.u64(10..40)
        } else {
            self.rng.u64(..4)
        };
        sleep(Duration::from_millis(millis)).await;
    }

    fn conduct(&mut self) -> Conduct {
        let manners = self.manners;
        let mut draw = self.rng.f64();
        for (share, conduct) in [
            (
                manners.leave,
                Conduct::Leave(STAGES[self.rng.usize(..STAGES.len())]),
            ),
            (manners.half_close, Conduct::HalfClose),
            (manners.dribble, Conduct::Dribble),
            (manners.pipeline, Conduct::Pipeline),
        ] {
            if draw < share {
                return conduct;
            }
            draw -= share;
        }
        Conduct::Plain
    }

    fn letter(&mut self) -> Letter {
        let resource = self.rng.u64(..RESOURCES);
        let write = self.rng.u8(..4) > 0;
        let method = if write {
            ["PUT", "POST", "PATCH", "DELETE"][self.rng.usize(..4)]
        } else {
            "GET"
        };
        self.compose(resource, method)
    }

    fn compose(&mut self, resource: u64, method: &str) -> Letter {
        let id = self.rng.u64(1..1 << 63);
        let mut target = path_of(resource);
        if self.manners.spell {
            target = spelled(&target, &mut self.rng);
        }
        let mut extra = String::new();
        let mut method = method;
        if self.manners.override_method && method == "PUT" {
            method = ["POST", "GET"][self.rng.usize(..2)];
            match self.rng.u8(..3) {
                0 => target.push_str("?_method=DELETE"),
                1 => extra.push_str("X-HTTP-Method-Override: PUT\r\n"),
                _ => extra.push_str("X-Method-Override: patch\r\n"),
            }
        }
        let write = method != "GET" || method_is_overridden(&target, &extra);
        let mut bytes = format!(
            "{method} {target} HTTP/1.1\r\nHost: storm.test\r\nX-Storm-Id: {id}\r\n{extra}"
        )
        .into_bytes();
        let body = if matches!(method, "GET" | "DELETE") {
            None
        } else {
            Some(self.body())
        };
        let body_at = push_framed(&mut bytes, body, self.rng.u8(..4) == 0);
        Letter {
            id,
            resource,
            write,
            bytes,
            body_at,
        }
    }

    fn body(&mut self) -> Vec<u8> {
        let length = self.rng.usize(2..600);
        std::iter::repeat_with(|| self.rng.alphanumeric() as u8)
            .take(length)
            .collect()
    }

    async fn meet(&mut self, letter: Letter, conduct: Conduct) -> io::Result<()> {
        let connection = match self.connection.take() {
            Some(open) => open,
            None => connect(self.gateway).await?,
        };
        match conduct {
            Conduct::Plain => self.ask(connection, letter).await,
            Conduct::Dribble => self.dribble(connection, letter).await,
            Conduct::HalfClose => self.half_close(connection, letter).await,
            Conduct::Pipeline => self.pipeline(connection, letter).await,
            Conduct::Leave(stage) => {
                // That the other side closed first is as good as leaving.
                let _gone = self.leave(connection, letter, stage).await;
                Ok(())
            }
        }
    }

    async fn ask(&mut self, mut connection: Connection, letter: Letter) -> io::Result<()> {
        let sent = Instant::now();
        connection.send(&letter.bytes).await?;
        self.receive(connection, &letter, sent).await
    }

    async fn dribble(&mut self, mut connection: Connection, letter: Letter) -> io::Result<()> {
        let sent = Instant::now();
        let mut rest = letter.bytes.as_slice();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(self.rng.usize(1..=rest.len().min(16)));
            if connection.send(piece).await.is_err() {
                // Refused from the head, and the answer is there to be read.
                break;
            }
            sleep(Duration::from_micros(300)).await;
            rest = after;
        }
        self.receive(connection, &letter, sent).await
    }

    /// Half-closes once the backend works on the write, or an answer has come.
    async fn half_close(&mut self, mut connection: Connection, letter: Letter) -> io::Result<()> {
        let sent = Instant::now();
        connection.send(&letter.bytes).await?;
        while !self.witness.has_begun(letter.id)
            && timeout(Duration::from_millis(1), connection.stream.readable())
                .await
                .is_err()
        {}
        tokio::io::AsyncWriteExt::shutdown(&mut connection.stream).await?;
        self.receive(connection, &letter, sent).await?;
        self.connection = None;
        Ok(())
    }

    /// Two writes at once: the second follows the first, whose hold is none of its business.
    async fn pipeline(&mut self, mut connection: Connection, first: Letter) -> io::Result<()> {
        let second = self.compose(first.resource, "PUT");
        let sent = Instant::now();
        connection
            .send(&[first.bytes.as_slice(), second.bytes.as_slice()].concat())
            .await?;
        self.receive(connection, &first, sent).await?;
        let sent = Instant::now();
        let served = self
            .attempts
            .last()
            .is_some_and(|first| matches!(first.outcome, Outcome::Status(200..300)));
        match self.connection.take() {
            Some(connection) => self.receive(connection, &second, sent).await,
            None if served => Err(io::Error::other("the first answer closed the connection")),
            // A refusal may say that it closes: the second was not read then, and its client knows.
            None => Ok(()),
        }
    }

    async fn receive(
        &mut self,
        mut connection: Connection,
        letter: &Letter,
        sent: Instant,
    ) -> io::Result<()> {
        let told = in_time(connection.reply()).await;
        let answered = Instant::now();
        let outcome = match &told {
            Ok(reply) => outcome_of(reply),
            Err(fault) => Outcome::Fault(format!("no whole answer: {fault}")),
        };
        self.note(letter, sent, Some(answered), outcome);
        if let Ok(reply) = told
            && !reply.head.closes()
        {
            self.connection = Some(connection);
        }
        Ok(())
    }

    async fn leave(
        &mut self,
        mut connection: Connection,
        letter: Letter,
        stage: Stage,
    ) -> io::Result<()> {
        self.note(&letter, Instant::now(), None, Outcome::Left);
        let (head, body) = letter.bytes.split_at(letter.body_at);
        match stage {
            Stage::WithinHead => {
                connection
                    .send(&head[..self.rng.usize(1..head.len())])
                    .await?
            }
            Stage::AfterHead => connection.send(head).await?,
            Stage::WithinBody => {
                connection
                    .send(&letter.bytes[..head.len() + body.len() / 2])
                    .await?
            }
            Stage::AfterRequest | Stage::Waiting | Stage::WithinResponse => {
                connection.send(&letter.bytes).await?
            }
        }
        match stage {
            Stage::Waiting => sleep(Duration::from_millis(self.rng.u64(1..30))).await,
            Stage::WithinResponse => drop(in_time(connection.more()).await?),
            Stage::WithinHead | Stage::AfterHead | Stage::WithinBody | Stage::AfterRequest => {}
        }
        if self.rng.bool() {
            connection.reset()
        } else {
            Ok(())
        }
    }

    fn note(
        &mut self,
        letter: &Letter,
        sent: Instant,
        answered: Option<Instant>,
        outcome: Outcome,
    ) {
        let attempt = Attempt {
            id: letter.id,
            path: path_of(letter.resource),
            write: letter.write,
            sent,
            answered,
            outcome,
        };
        self.attempts.push(attempt);
    }
}

fn method_is_overridden(target: &str, extra: &str) -> bool {
    target.contains("_method=") || !extra.is_empty()
}

/// Ends the head and adds the body, in chunks or with its length; says where the body starts.
fn push_framed(bytes: &mut Vec<u8>, body: Option<Vec<u8>>, chunked: bool) -> usize {
    let Some(body) = body else {
        bytes.extend(b"\r\n");
        return bytes.len();
    };
    bytes.extend(b"Content-Type: application/octet-stream\r\n");
    if !chunked {
        bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes());
        let body_at = bytes.len();
        bytes.extend(body);
        return body_at;
    }
    bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
    let body_at = bytes.len();
    for chunk in body.chunks(200) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    body_at
}

fn outcome_of(reply: &Reply) -> Outcome {
    let unknown =
        reply.status == 409 && String::from_utf8_lossy(&reply.body).contains("outcome-unknown");
    if unknown {
        Outcome::Unknown
    } else {
        Outcome::Status(reply.status)
    }
}
