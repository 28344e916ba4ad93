//! How many connections there may be, over real sockets: who waits, who is turned away, and that all is served after.

use crate::support::gateway::Gateway;
use crate::support::http1::Connection;
use crate::support::loopback::{client_sends, in_time, reply};
use crate::support::witness::Witness;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

/// How long a client that must not be answered is looked at.
const LOOK: Duration = Duration::from_millis(300);

async fn is_answered(client: &mut Connection) -> bool {
    timeout(LOOK, client.reply()).await.is_ok()
}

#[tokio::test]
async fn past_max_connections_the_next_ones_wait_and_are_served_as_others_end() {
    let witness = Witness::start(72, 0.0);
    let gateway = Gateway::with_server(witness.addr, "max_connections = 3", "");
    // The one by which it was seen to listen may have to end first.
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = client_sends(gateway.addr, GET).await;
        assert_eq!(reply(&mut client).await.status, 200);
        clients.push(client);
    }
    let mut next = client_sends(gateway.addr, GET).await;
    assert!(!is_answered(&mut next).await, "it is one too many");
    gateway
        .until_said("as many connections as there may be")
        .await;
    drop(clients.pop());
    assert_eq!(reply(&mut next).await.status, 200);
    drop((clients, next));
    gateway.ends_empty().await;
}

#[tokio::test]
async fn past_max_connections_per_client_a_connection_is_closed_at_once() {
    let witness = Witness::start(73, 0.0);
    let gateway = Gateway::with_server(witness.addr, "max_connections_per_client = 2", "");
    // The one by which it was seen to listen counts until the gateway hears of its end.
    let mut clients = Vec::new();
    in_time("two connections of this client", async {
        while clients.len() < 2 {
            let mut client = client_sends(gateway.addr, GET).await;
            if client.reply().await.is_ok_and(|reply| reply.status == 200) {
                clients.push(client);
            }
        }
    })
    .await;
    let mut refused = in_time("a connection", TcpStream::connect(gateway.addr))
        .await
        .expect("the kernel has taken it");
    let ended = in_time("its end", refused.read(&mut [0; 1])).await;
    assert_eq!(ended.unwrap_or(0), 0, "nothing is said to it");
    gateway.until_said("has as many as it may").await;
    drop(clients.pop());
    // The gateway hears of the end in its own time.
    in_time("room for the client again", async {
        loop {
            let mut client = client_sends(gateway.addr, GET).await;
            if client.reply().await.is_ok_and(|reply| reply.status == 200) {
                return;
            }
        }
    })
    .await;
    drop(clients);
    gateway.ends_empty().await;
}
