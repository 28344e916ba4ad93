//! A small stock-keeping service of the kind that writegate is for: it loses updates, and cannot be changed.
//!
//! Invariants:
//! - An increment reads the count, works for some time, and writes what it read plus one. Nothing keeps two apart.
//! - It has a fixed set of items, serves a bounded number of connections, and works no longer than [`LONGEST`].
//! - It runs in a thread of its own, as long as its [`Backend`] lives.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::server::conn::http1::Builder as Http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

/// All that is in stock.
pub(super) const ITEMS: [&str; 5] = ["apples", "figs", "pears", "plums", "quinces"];

/// The longest that an increment can be told to take, well below the gateway's `max_work`.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// More connections than this wait to be accepted.
const CONNECTIONS: usize = 256;

/// How long to wait when no connection can be accepted, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running backend; dropped, it ends.
pub(super) struct Backend {
    pub(super) address: SocketAddr,
    _ends_with_it: oneshot::Sender<Infallible>,
}

/// What is in stock of one item, as it is read.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Stock<I = String> {
    pub(super) item: I,
    pub(super) count: u64,
}

impl Backend {
    /// Starts it on a free port of the loopback. An increment takes some milliseconds of this range.
    pub(super) fn start(work: RangeInclusive<u64>, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (_ends_with_it, end) = oneshot::channel();
        let store = Store {
            counts: Default::default(),
            work,
            jitter: RefCell::new(Rng::with_seed(seed)),
        };
        let serve = move || {
            let serving = async {
                tokio::select! {
                    failed = serve(listener, Rc::new(store)) => failed,
                    _ = end => Ok(()),
                }
            };
            // Who asks it something notices that it is not there.
            let _ended = LocalSet::new().block_on(&runtime, serving);
        };
        thread::Builder::new()
            .name("backend".to_owned())
            .spawn(serve)?;
        Ok(Self {
            address,
            _ends_with_it,
        })
    }
}

async fn serve(listener: TcpListener, store: Rc<Store>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let permit = Arc::clone(&connections).acquire_owned().await;
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let store = Rc::clone(&store);
        spawn_local(async move {
            let _permit = permit;
            let service = service_fn(|request| {
                let store = Rc::clone(&store);
                async move { Ok::<_, Infallible>(store.answer(&request).await) }
            });
            // A connection that breaks is its client's concern.
            let _over = Http1::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The stock, and how long it takes to change it.
struct Store {
    counts: [Cell<u64>; ITEMS.len()],
    work: RangeInclusive<u64>,
    jitter: RefCell<Rng>,
}

impl Store {
    async fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let segments: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        let (method, name) = match (request.method(), &segments[..]) {
            (&Method::GET, ["stock", name]) => (Method::GET, *name),
            (&Method::POST, ["stock", name, "increment"]) => (Method::POST, *name),
            (_, _) => return refusal(404, "GET /stock/{item}, POST /stock/{item}/increment"),
        };
        let Some(place) = ITEMS.iter().position(|item| *item == name) else {
            return refusal(404, &format!("in stock are {}", ITEMS.join(", ")));
        };
        let (item, count) = (ITEMS[place], &self.counts[place]);
        if method == Method::POST {
            let Some(work) = self.work(request.uri().query()) else {
                let most = LONGEST.as_secs();
                return refusal(400, &format!("write ?seconds=8, with at most {most}"));
            };
            increment(count, work).await;
        }
        let count = count.get();
        let text = serde_json::to_string(&Stock { item, count });
        let text = text.expect("a name and a number can be written");
        Response::new(Full::from(format!("{text}\n")))
    }

    /// How long an increment with this query takes; none if that cannot be understood.
    fn work(&self, query: Option<&str>) -> Option<Duration> {
        let Some(query) = query else {
            let millis = self.jitter.borrow_mut().u64(self.work.clone());
            return Some(Duration::from_millis(millis));
        };
        let seconds = query.strip_prefix("seconds=")?.parse().ok()?;
        Some(Duration::from_secs(seconds)).filter(|work| *work <= LONGEST)
    }
}

/// The fault that all this is about: what others write between the reading and the writing is overwritten.
async fn increment(count: &Cell<u64>, work: Duration) {
    let read = count.get();
    sleep(work).await;
    count.set(read + 1);
}

fn refusal(status: u16, why: &str) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status);
    response
        .body(Full::from(format!("{why}\n")))
        .expect("a status of three digits makes a response")
}
