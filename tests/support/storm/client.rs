//! One client of a storm: what it does with each request, and what it keeps of it.

use super::letter::{Letter, Writer};
use super::{Manners, connect, in_time};
use crate::support::http1::{Connection, Reply};
use crate::support::tally::{Attempt, Outcome};
use crate::support::witness::Witness;
use fastrand::Rng;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// A client, with at most one connection at a time.
pub(super) struct Client {
    gateway: SocketAddr,
    witness: Arc<Witness>,
    manners: Manners,
    rng: Rng,
    connection: Option<Connection>,
    attempts: Vec<Attempt>,
}

impl Client {
    pub(super) fn new(
        gateway: SocketAddr,
        witness: Arc<Witness>,
        manners: Manners,
        rng: Rng,
    ) -> Self {
        Self {
            gateway,
            witness,
            manners,
            rng,
            connection: None,
            attempts: Vec::new(),
        }
    }

    /// Sends one request after the other until then; gives what became of each.
    pub(super) async fn run(mut self, until: Instant) -> Vec<Attempt> {
        while Instant::now() < until {
            let letter = self.writer().letter();
            let conduct = if letter.write {
                self.conduct()
            } else {
                Conduct::Plain
            };
            let paths = letter.paths();
            if let Err(fault) = self.meet(letter, conduct).await {
                self.connection = None;
                let now = Instant::now();
                let outcome = Outcome::Fault(format!("{conduct:?}: {fault}"));
                self.attempts.push(Attempt {
                    id: 0,
                    paths,
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

    fn writer(&mut self) -> Writer<'_> {
        Writer {
            manners: self.manners,
            rng: &mut self.rng,
        }
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
        let second = self.writer().compose(first.resource, "PUT");
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
            paths: letter.paths(),
            write: letter.write,
            sent,
            answered,
            outcome,
        };
        self.attempts.push(attempt);
    }
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
