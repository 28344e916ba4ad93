//! A crowd: many that are idle, many that are slow, and a storm of those that break off, all together; others are served
//! meanwhile, and nothing is left after: no task, no descriptor, and no memory that the next crowd would not use.

use crate::support::gateway::Gateway;
use crate::support::http1::Connection;
use crate::support::loopback::{client_sends, in_time, reply};
use crate::support::witness::Witness;
use socket2::SockRef;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const IDLE: usize = 10_000;
const SLOW: usize = 2_000;
const RESETS: usize = 4_000;

const GET: &str = "GET /idle HTTP/1.1\r\nHost: a\r\n\r\n";

/// How long a head may take here.
const HEAD_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest that one who behaves may wait for an answer, in a debug build beside other tests.
const SERVED: Duration = Duration::from_secs(5);

/// What the gateway may have in memory more than before when all have gone: far below what they had, of which each of
/// the 12,000 had 20 KiB and more.
const LEFT: u64 = 64 << 20;

#[tokio::test]
async fn idle_and_slow_clients_and_a_storm_of_resets_keep_nobody_waiting_and_leave_nothing() {
    let witness = Witness::start(74, 0.0);
    let settings = "head_timeout = \"3s\"\nreceive_timeout = \"3s\"\naccess_log = false";
    let gateway = Gateway::with_server(witness.addr, settings, "");
    // Once all that it ever has is there.
    drop(idle(gateway.addr, 8).await);
    let before = Footprint::at_rest(&gateway).await;
    for _ in 0..2 {
        crowd(gateway.addr).await;
        let after = Footprint::at_rest(&gateway).await;
        println!("before: {before:?}, after: {after:?}");
        assert_eq!(after.files, before.files, "descriptors are left");
        gateway.until_memory_returns(before.memory + LEFT).await;
    }
    gateway.ends_empty().await;
}

/// What the gateway has of the system.
#[derive(Clone, Copy, Debug)]
struct Footprint {
    files: usize,
    memory: u64,
}

impl Footprint {
    async fn at_rest(gateway: &Gateway) -> Self {
        gateway.until_at_rest().await;
        Self {
            files: gateway.open_files().len(),
            memory: gateway.memory(),
        }
    }
}

/// The whole crowd, from the first that comes to the last that leaves.
async fn crowd(addr: SocketAddr) {
    let idle = idle(addr, IDLE).await;
    let slow = tokio::spawn(slow(addr));
    let resets = tokio::spawn(resets(addr));
    let mut longest = Duration::ZERO;
    let mut served = 0;
    while !slow.is_finished() || !resets.is_finished() {
        let began = Instant::now();
        let request =
            format!("PUT /others/{served} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        let mut client = client_sends(addr, request).await;
        assert_eq!(reply(&mut client).await.status, 200);
        longest = longest.max(began.elapsed());
        served += 1;
    }
    println!("{served} were served meanwhile, in at most {longest:?}");
    assert!(longest < SERVED, "somebody had to wait for {longest:?}");
    slow.await.expect("every slow client was sent away");
    resets.await.expect("the storm is over");
    drop(idle);
}

/// Connections that have been used, and are kept.
async fn idle(addr: SocketAddr, count: usize) -> Vec<Connection> {
    let mut idle = Vec::with_capacity(count);
    while idle.len() < count {
        let mut client = client_sends(addr, GET).await;
        assert_eq!(reply(&mut client).await.status, 200);
        idle.push(client);
    }
    idle
}

/// A third are slow with a head, a third with a body, a third with the beginning of HTTP/2. Each has to be sent away.
async fn slow(addr: SocketAddr) {
    const BEGINNINGS: [&[u8]; 3] = [
        b"GET /slow HTTP/1.1\r\nHost",
        b"PUT /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x09\x01",
    ];
    let mut clients = JoinSet::new();
    for number in 0..SLOW {
        let mut client = client_sends(addr, BEGINNINGS[number % BEGINNINGS.len()]).await;
        clients.spawn(async move {
            let began = Instant::now();
            // A byte a second, until nobody takes it.
            while client.send(b"x").await.is_ok() {
                assert!(began.elapsed() < HEAD_TIMEOUT * 20, "it is served for ever");
                sleep(Duration::from_secs(1)).await;
            }
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended.expect("it was sent away");
    }
}

/// Clients that reset their connections: at once, in a head, in a body, before an answer.
async fn resets(addr: SocketAddr) {
    const BEGINNINGS: [&[u8]; 4] = [
        b"",
        b"GET /res",
        b"PUT /reset HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\nx",
        b"GET /reset HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    for number in 0..RESETS {
        let stream = in_time("a connection", TcpStream::connect(addr)).await;
        let stream = stream.expect("a connection");
        let beginning = BEGINNINGS[number % BEGINNINGS.len()];
        // What does not go out at once is no part of the storm.
        let _some = timeout(Duration::from_millis(1), stream.writable()).await;
        let _some = stream.try_write(beginning);
        let at_once = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        at_once.expect("it can be reset");
    }
}
