//! The witness: a backend that cannot be fooled about what it is working on.
//!
//! It reads a write whole, works on it for a seeded time, goes on working when its caller leaves, and keeps every interval of work by
//! the same clock as the clients in this process. A write that begins while another is at work on the same resource is an overlap.
//!
//! - It decides what the resource is as the most merging of legacy backends would, and shares no code with the gateway.
//! - Work ends *before* the last byte of its answer is written: whoever starts the next write on having read that byte has not overlapped.
//! - Some answers begin while the work still goes on, so that whoever takes a response head for the end of the work is seen.
//! - It runs on threads of its own, so that a busy test does not distort its clock.

mod order;

use crate::support::http1::Connection;
pub(crate) use order::resource_of;

use order::Order;
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};

/// The longest that the witness works on a write.
pub(crate) const LONGEST_WORK: Duration = Duration::from_millis(45);
const SHORTEST_WORK: Duration = Duration::from_millis(15);

/// How long after its work a late answer comes. A hold that `max_work` has ended by then belongs to somebody else, or to nobody.
pub(crate) const LATE: Duration = Duration::from_millis(400);

/// One write on one of its resources, as the witness saw it.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// The resource, by the witness's own reading of the target.
    pub(crate) resource: String,
    /// `X-Storm-Id`, by which a client finds its own write again.
    pub(crate) id: Option<u64>,
    /// When the request had been read whole.
    pub(crate) began: Instant,
    /// When the work was over, and nothing of the end of the answer had been sent.
    pub(crate) over: Instant,
    /// When the last write of the answer had returned, or the work was over if the caller had gone.
    pub(crate) ended: Instant,
}

/// A running witness; dropped, it stops.
pub(crate) struct Witness {
    pub(crate) addr: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

struct Shared {
    seed: u64,
    /// Of the writes, how many lose their connection while at work; a third as many again are answered late.
    broken: f64,
    /// A mutex: held for a few map operations, never across an await.
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    /// By the number of the work: whoever sends an order again has it worked on twice.
    at_work: HashMap<usize, Order>,
    numbers: usize,
    overlaps: u64,
    begun: HashSet<u64>,
    /// Works that have begun and are not yet in `done`.
    unfinished: usize,
    done: Vec<Work>,
}

impl Witness {
    /// Starts a witness; `broken` is the share of writes whose connection breaks while the work goes on.
    pub(crate) fn start(seed: u64, broken: f64) -> Arc<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let shared = Arc::new(Shared {
            seed,
            broken,
            book: Mutex::default(),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener
            .local_addr()
            .expect("a bound listener has an address");
        listener
            .set_nonblocking(true)
            .expect("a nonblocking listener");
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Arc::new(Self {
            addr,
            shared,
            runtime: Some(runtime),
        })
    }

    /// How many writes have begun while another was at work on the same resource.
    pub(crate) fn overlaps(&self) -> u64 {
        self.shared.book().overlaps
    }

    /// Whether work on the write with this `X-Storm-Id` has begun.
    pub(crate) fn has_begun(&self, id: u64) -> bool {
        self.shared.book().begun.contains(&id)
    }

    /// Takes every interval of work since the last call, once nothing is at work any more.
    pub(crate) async fn when_idle(&self) -> Vec<Work> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(works) = self.shared.book().take_if_idle() {
                return works;
            }
            assert!(Instant::now() < deadline, "the witness is still at work");
            sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Book {
    fn take_if_idle(&mut self) -> Option<Vec<Work>> {
        (self.unfinished == 0).then(|| std::mem::take(&mut self.done))
    }

    fn finish(&mut self, works: impl Iterator<Item = Work>) {
        self.unfinished -= 1;
        self.done.extend(works);
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no task of the witness panics")
    }

    /// Work begins; returns its number.
    fn begin(&self, order: &Order) -> usize {
        let mut book = self.book();
        let overlapped = book.at_work.values().any(|other| order.meets(other));
        book.numbers += 1;
        let number = book.numbers;
        book.at_work.insert(number, order.clone());
        book.overlaps += u64::from(overlapped);
        book.begun.insert(order.id);
        book.unfinished += 1;
        number
    }

    fn end(&self, number: usize) {
        let was_at_work = self.book().at_work.remove(&number);
        assert!(was_at_work.is_some(), "only what has begun ends");
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("a nonblocking listener");
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&shared)));
    }
}

/// Serves one connection; a fault on it ends it, as every server does.
async fn converse(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let mut connection = Connection::new(stream)?;
    while let Some(head) = connection.head().await? {
        if head.field("expect").is_some() {
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let body = connection.request_body(&head).await?;
        let Some(order) = Order::read(&head, &body) else {
            return connection
                .send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .await;
        };
        if order.write {
            connection = match work(connection, &order, &shared).await {
                Some(connection) => connection,
                None => return Ok(()),
            };
        } else {
            connection
                .send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nread\n")
                .await?;
        }
    }
    Ok(())
}

/// What befalls the answer of a write.
enum Course {
    /// Head and body after the work.
    Plain,
    /// The head and a part of the body while the work goes on.
    Early,
    /// The connection is closed or reset in the middle of the work, perhaps with an answer begun.
    Broken { reset: bool, begun: bool },
    /// Not a byte until long after the work.
    Late,
}

const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwrit\r\n";
const REST: &[u8] = b"3\r\nten\r\n0\r\n\r\n";
const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwritten";

/// Works on one write from its beginning to its end, whatever becomes of the connection.
async fn work(connection: Connection, order: &Order, shared: &Shared) -> Option<Connection> {
    let mut rng =
        fastrand::Rng::with_seed(shared.seed ^ order.id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let course = match rng.f64() {
        draw if draw < shared.broken => Course::Broken {
            reset: rng.bool(),
            begun: rng.u8(..4) == 0,
        },
        draw if draw < shared.broken * 1.3 => Course::Late,
        _ if rng.u8(..3) == 0 => Course::Early,
        _ => Course::Plain,
    };
    let micros = |duration: Duration| duration.as_micros() as u64;
    let span = Duration::from_micros(rng.u64(micros(SHORTEST_WORK)..micros(LONGEST_WORK)));
    let first = span.mul_f64(rng.f64());

    let number = shared.begin(order);
    let began = Instant::now();
    sleep(first).await;
    let (mut connection, last) = midway(connection, &course).await;
    sleep(span - first).await;
    shared.end(number);
    let over = Instant::now();
    if matches!(course, Course::Late) {
        sleep(LATE).await;
    }
    if let Some(whole) = connection.take() {
        connection = answered(whole, last).await;
    }
    let ended = Instant::now();
    let works = order.resources.iter().map(|resource| Work {
        resource: resource.clone(),
        id: Some(order.id),
        began,
        over,
        ended,
    });
    shared.book().finish(works);
    connection
}

/// What happens in the middle of the work; says what is left to be sent after it.
async fn midway(
    mut connection: Connection,
    course: &Course,
) -> (Option<Connection>, &'static [u8]) {
    match course {
        Course::Plain | Course::Late => (Some(connection), WHOLE),
        Course::Early => match connection.send(HALF).await {
            Ok(()) => (Some(connection), REST),
            Err(_gone) => (None, REST),
        },
        Course::Broken { reset, begun } => {
            if *begun {
                let _gone_is_as_good = connection.send(HALF).await;
            }
            if *reset {
                let _gone_is_as_good = connection.reset();
            }
            (None, REST)
        }
    }
}

async fn answered(mut connection: Connection, last: &[u8]) -> Option<Connection> {
    connection.send(last).await.ok().map(|()| connection)
}
