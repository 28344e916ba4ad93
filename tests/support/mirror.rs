//! A backend that shows what has reached it: every request is answered with its head, in lower case, and how much body it had.

use crate::support::http1::{Connection, Head};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A running backend; dropped, it ends.
pub(crate) struct Mirror {
    pub(crate) addr: SocketAddr,
    _serving: JoinSet<()>,
}

impl Mirror {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound listener");
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    let connection = Connection::new(stream).expect("a connection");
                    // One that breaks is shown by what its client gets.
                    let _end = reflect(connection).await;
                });
            }
        });
        Self {
            addr,
            _serving: serving,
        }
    }

    /// Its address, for a configuration.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

async fn reflect(mut connection: Connection) -> std::io::Result<()> {
    while let Some(head) = connection.head().await? {
        let body = connection.request_body(&head).await?;
        // A request for `/octets` gets its body back.
        let shown = if head.start.contains("/octets") {
            body
        } else {
            shown(&head, body.len()).into_bytes()
        };
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", shown.len());
        connection.send(response.as_bytes()).await?;
        connection.send(&shown).await?;
    }
    Ok(())
}

fn shown(head: &Head, octets: usize) -> String {
    format!("{}\n{}{octets} octets\n", head.start, head.lines())
}
