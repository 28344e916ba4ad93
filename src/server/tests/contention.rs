//! What a worker has in common with others on the way of a whole request, counted and not timed.

use std::cell::Cell;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::LocalOptions;
use tokio::sync::watch;

use super::*;
use crate::config::{Address, Override, Overrides};
use crate::table::counted::{Counts, counted};
use crate::upstream::Connect;
use crate::wire::Stream;

/// Connects to the origin, once.
struct Dialer(Cell<Option<UnixStream>>);

impl Connect for Dialer {
    type Socket = Stream;

    async fn connect(&self, _: &Address) -> io::Result<Stream> {
        let origin = self.0.take();
        Ok(Stream::Unix(origin.expect("one connection is enough")))
    }
}

/// What two requests after the first do to what is shared, the answers to all of which are 200.
fn counted_of(request: &'static str) -> Counts {
    // What happens at times, as a sweep, is no part of a request: the clock stands still.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build_local(LocalOptions::default())
        .expect("a runtime");
    let mut client = runtime.block_on(async { connected() });
    let mut ask = |times: usize| {
        runtime.block_on(async {
            for _ in 0..times {
                client
                    .write_all(request.as_bytes())
                    .await
                    .expect("it is there");
                let mut answer = [0; 1024];
                let read = client.read(&mut answer);
                let length = tokio::time::timeout(Duration::from_secs(10), read).await;
                let length = length.expect("it answers").expect("it is there");
                assert!(answer[..length].starts_with(b"HTTP/1.1 200 "));
            }
        });
    };
    ask(1);
    counted(|| ask(2))
}

/// A client of a gateway with its defaults, whose origin answers whatever comes.
fn connected() -> UnixStream {
    let pair = || UnixStream::pair().expect("a pair");
    let ((near, client), (dialed, mut origin)) = (pair(), pair());
    tokio::task::spawn_local(async move {
        let mut request = [0; 1024];
        while origin
            .read(&mut request)
            .await
            .is_ok_and(|length| length > 0)
        {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            origin.write_all(answer).await.expect("it is there");
        }
    });
    let overrides = Overrides {
        upstream: Some(Override::flag("--upstream", "http://127.0.0.1:3000")),
        ..Overrides::default()
    };
    let config = Config::parse("test", "", &overrides).expect("a configuration");
    let (wishes, turns) = mpsc::channel(1);
    let gateway = gateway_at_work(
        Shared::new(Arc::new(config)),
        Dialer(Cell::new(Some(dialed))),
        Turns::new(0, vec![wishes]),
        turns,
    );
    let (drain, draining) = watch::channel(false);
    tokio::task::spawn_local(async move {
        serve(gateway, Stream::Unix(near), None, draining).await;
        drop(drain);
    });
    client
}

#[test]
fn an_unguarded_request_takes_no_lock_of_the_table_and_writes_to_nothing_of_it() {
    let counts = counted_of("GET /orders/7 HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    assert_eq!(counts, Counts::default());
}

#[test]
fn a_guarded_write_with_one_key_locks_one_shard_twice_and_writes_to_nothing_else() {
    let counts =
        counted_of("PUT /orders/7 HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((counts.locks.len(), counts.writes), (4, 0), "two requests");
    assert!(counts.locks.iter().all(|lock| *lock == counts.locks[0]));
}
