//! Whole requests: a client's connection, the gateway with its defaults, and the origin's connection, all in memory, on a clock that
//! stands still.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{mpsc, watch};
use writegate::config::Address;
use writegate::gateway::{Gateway, Shared, Turns};
use writegate::server::{gateway_at_work, serve};
use writegate::upstream::Connect;

use crate::parts::config;
use crate::pipe::{Far, Pipe, pipe};

/// Requests before the counted ones: connections are made, buffers have their size, tables their room.
const WARM_UP: usize = 200;

const PUT: &[u8] = b"PUT /orders/7 HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 60\r\n\r\n\
{\"account\":\"4711\",\"amount\":25,\"note\":\"a body of 60 bytes..\"}";
const PUT_END: &[u8] = b"60 bytes..\"}";
const GET: &[u8] = b"GET /orders/7 HTTP/1.1\r\nHost: shop.example\r\n\r\n";
const GET_END: &[u8] = b"\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n";

/// A gateway between one client and one origin, which have both sent and got much before.
pub(crate) struct Whole {
    runtime: LocalRuntime,
    client: Far,
    work: Work,
}

/// What is sent, and what becomes of it.
struct Work {
    request: &'static [u8],
    /// The origin, and how a request ends there; none where none gets there.
    origin: Option<(Far, &'static [u8])>,
    /// How the answer begins and ends.
    answer: (&'static [u8], &'static [u8]),
}

/// A guarded write, whose key nobody holds.
pub(crate) fn put_guarded() -> Whole {
    let (runtime, client, origin) = connected();
    Whole::warm(
        runtime,
        client,
        Work {
            request: PUT,
            origin: Some((origin, PUT_END)),
            answer: (b"HTTP/1.1 200 OK\r\n", b"ok\n"),
        },
    )
}

/// A safe request.
pub(crate) fn get_passed_through() -> Whole {
    let (runtime, client, origin) = connected();
    Whole::warm(
        runtime,
        client,
        Work {
            request: GET,
            origin: Some((origin, GET_END)),
            answer: (b"HTTP/1.1 200 OK\r\n", b"ok\n"),
        },
    )
}

/// A write whose key another one holds, which the origin works on for all of the time.
pub(crate) fn put_refused() -> Whole {
    let (runtime, gateway, origin) = gateway();
    let holder = connect(&runtime, &gateway);
    holder.send(PUT);
    runtime.block_on(origin.take(b"PUT ", PUT_END));
    let client = connect(&runtime, &gateway);
    Whole::warm(
        runtime,
        client,
        Work {
            request: PUT,
            origin: None,
            answer: (b"HTTP/1.1 409 Conflict\r\n", b"}"),
        },
    )
}

impl Whole {
    fn warm(runtime: LocalRuntime, client: Far, work: Work) -> Self {
        let whole = Self {
            runtime,
            client,
            work,
        };
        whole.ask(WARM_UP);
        whole
    }

    /// Sends the request so often, each when the one before was answered.
    pub(crate) fn ask(&self, times: usize) {
        let (client, work) = (&self.client, &self.work);
        self.runtime.block_on(async {
            for _ in 0..times {
                client.send(work.request);
                if let Some((origin, end)) = &work.origin {
                    origin.take(b"", end).await;
                    origin.send(OK);
                }
                client.take(work.answer.0, work.answer.1).await;
            }
        });
    }
}

fn connected() -> (LocalRuntime, Far, Far) {
    let (runtime, gateway, origin) = gateway();
    let client = connect(&runtime, &gateway);
    (runtime, client, origin)
}

/// A gateway, and the only connection that it will make.
fn gateway() -> (LocalRuntime, Rc<Gateway<Dialer>>, Far) {
    // What is drawn at random is so in every run in the same way.
    fastrand::seed(7);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build_local(LocalOptions::default())
        .expect("a runtime");
    let shared = Shared::new(Arc::new(config("")));
    let (wishes, turns) = mpsc::channel(1);
    let (near, origin) = pipe();
    let dialer = Dialer(Cell::new(Some(near)));
    let gateway = runtime
        .block_on(async { gateway_at_work(shared, dialer, Turns::new(0, vec![wishes]), turns) });
    (runtime, gateway, origin)
}

/// A client that connects.
fn connect(runtime: &LocalRuntime, gateway: &Rc<Gateway<Dialer>>) -> Far {
    let (near, far) = pipe();
    let (drain, draining) = watch::channel(false);
    let (gateway, address) = (Rc::clone(gateway), std::net::Ipv4Addr::new(192, 0, 2, 7));
    runtime.spawn_local(async move {
        serve(gateway, near, Some(address.into()), draining).await;
        drop(drain);
    });
    far
}

/// Connects the gateway to the origin, once.
struct Dialer(Cell<Option<Pipe>>);

impl Connect for Dialer {
    type Socket = Pipe;

    async fn connect(&self, _: &Address) -> io::Result<Pipe> {
        Ok(self.0.take().expect("one connection is enough"))
    }
}
