//! Upstream connections that a backend closes for idleness just when the next write would use them.

use crate::support::gateway::Gateway;
use crate::support::http1::Connection;
use crate::support::program::{Program, Scratch, repository};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Node closes after five seconds; four gateways with a client each try the time around it.
#[tokio::test]
async fn a_put_every_five_seconds_meets_nodes_keep_alive_without_a_502() {
    let scratch = Scratch::new("node");
    let (_node, addr) = Program::listen(&scratch.path().join("log"), |addr| {
        let mut command = Command::new("node");
        command
            .arg(repository("tests/real/server.js"))
            .arg(addr.port().to_string());
        command
    });
    let gateways: Vec<Gateway> = (0..4).map(|_| Gateway::with_defaults(addr)).collect();
    let mut clients = JoinSet::new();
    for (seed, gateway) in gateways.iter().enumerate() {
        clients.spawn(twenty_rounds(
            gateway.addr,
            fastrand::Rng::with_seed(seed as u64),
        ));
    }
    for statuses in clients.join_all().await {
        assert_eq!(statuses, [200; 20]);
    }
    for gateway in gateways {
        gateway.ends_well();
    }
}

async fn twenty_rounds(gateway: SocketAddr, mut rng: fastrand::Rng) -> Vec<u16> {
    let mut statuses = Vec::new();
    for round in 0..20 {
        // The interval is the input here, and not a wait for something to have happened.
        sleep(Duration::from_millis(if round == 0 {
            0
        } else {
            rng.u64(4_900..=5_100)
        }))
        .await;
        let exchanged = timeout(Duration::from_secs(30), put(gateway)).await;
        statuses.push(
            exchanged
                .expect("an answer in time")
                .expect("a whole answer"),
        );
    }
    statuses
}

async fn put(gateway: SocketAddr) -> std::io::Result<u16> {
    let mut connection = Connection::new(TcpStream::connect(gateway).await?)?;
    connection.send(b"PUT /state HTTP/1.1\r\nHost: node.test\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy").await?;
    connection.reply().await.map(|reply| reply.status)
}
