//! Clients that reset over real TCP, where only the kernel can say so, and answers that are cut.

use crate::support::gateway::Gateway;
use crate::support::http1::Connection;
use crate::support::loopback::{
    Origin, answer, client_sends, exchange, in_time, reply, request_on, write,
};
use std::io;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep};

/// Far below the default `response_timeout` of 60 s.
const LONG_BEFORE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_client_that_resets_while_its_safe_request_waits_ends_the_exchange_at_the_origin() {
    let origin = Origin::start().await;
    let gateway = Gateway::with_defaults(origin.addr);
    let client = client_sends(gateway.addr, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (mut upstream, _) = origin.request().await;
    let began = Instant::now();
    client.reset().expect("a reset");
    // By a FIN or by a reset: the origin learns that nobody waits.
    let _end = in_time("the end of the exchange", upstream.more()).await;
    assert!(began.elapsed() < LONG_BEFORE, "{:?}", began.elapsed());
    gateway.ends_well();
}

#[tokio::test]
async fn a_client_that_resets_within_a_guarded_response_is_gone_while_the_exchange_goes_on() {
    let origin = Origin::start().await;
    let gateway = Gateway::with_defaults(origin.addr);
    let others = gateway.sockets();
    let mut client = client_sends(gateway.addr, write("PUT", "/a")).await;
    let (mut upstream, _) = origin.request().await;
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    upstream.send(head).await.expect("it is sent");
    in_time("the beginning of the answer", async {
        client.head().await.expect("a head").expect("a head");
    })
    .await;
    let of_the_exchange = async |count: usize, whose: &str| {
        in_time(whose, async {
            while gateway.sockets().difference(&others).count() != count {
                sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
    };
    // That of who looked whether the gateway had started may be among them for a moment.
    of_the_exchange(2, "the client's socket and the upstream's").await;
    client.reset().expect("a reset");
    of_the_exchange(1, "the client's socket to be closed").await;
    let refused = exchange(gateway.addr, write("PUT", "/a")).await;
    assert_eq!(
        refused.status, 409,
        "the exchange goes on, and keeps its key"
    );
    upstream.send(b"0\r\n\r\n").await.expect("it is still read");
    until_free(&gateway, upstream, &origin).await;
    gateway.ends_well();
}

/// Writes until it is not refused any more: on the connection that is left, or on another.
async fn until_free(gateway: &Gateway, mut upstream: Connection, origin: &Origin) {
    in_time("the key to be free", async {
        loop {
            let mut client = client_sends(gateway.addr, write("PUT", "/a")).await;
            let mut next = tokio::select! {
                reply = client.reply() => {
                    assert_eq!(reply.expect("a whole answer").status, 409);
                    continue;
                }
                (next, _) = origin.request() => next,
                _ = request_on(&mut upstream) => upstream,
            };
            answer(&mut next, "").await;
            assert_eq!(reply(&mut client).await.status, 200);
            return;
        }
    })
    .await;
}

/// What a client reads until its connection ends, and how that ends.
async fn read_to_end(client: &mut Connection) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    client.stream.read_to_end(&mut read).await.map(|_| read)
}

#[tokio::test]
async fn an_answer_that_is_cut_does_not_look_whole_to_a_client_of_http_1_0() {
    let origin = Origin::start().await;
    let settings = "send_timeout = \"1s\"\nresponse_buffer = \"16KiB\"";
    let gateway = Gateway::with_server(origin.addr, settings, "");
    let request = "PUT /a HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    let mut client = client_sends(gateway.addr, request).await;
    let (mut upstream, _) = origin.request().await;
    let sending = tokio::spawn(async move {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        upstream.send(head).await?;
        // More than the kernels keep for a client that takes nothing.
        let chunk = [&b"100000\r\n"[..], &[b'x'; 1 << 20], b"\r\n"].concat();
        for _ in 0..32 {
            upstream.send(&chunk).await?;
        }
        upstream.send(b"0\r\n\r\n").await
    });
    let sent = in_time("the rest to be read and thrown away", sending).await;
    sent.expect("no panic").expect("all of it is taken");
    let read = in_time("the end of the connection", read_to_end(&mut client)).await;
    let told = read
        .map(|octets| octets.len())
        .map_err(|fault| fault.kind());
    assert_eq!(told, Err(io::ErrorKind::ConnectionReset), "it looks whole");
    gateway.ends_well();
}
