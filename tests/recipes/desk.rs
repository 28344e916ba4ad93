//! What stands for `docs/slow.py`: a backend that works on whatever it is asked for as long as the test wants, and answers the same.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::http1::{Connection, Head};

/// Dropped, it goes with the test's runtime.
pub(super) struct Desk {
    pub(super) addr: SocketAddr,
    is_held: Arc<watch::Sender<bool>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Desk {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let desk = Self {
            addr: listener.local_addr().expect("a bound listener"),
            is_held: Arc::default(),
            asked: Arc::default(),
        };
        let (is_held, asked) = (Arc::clone(&desk.is_held), Arc::clone(&desk.asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, is_held.subscribe(), Arc::clone(&asked)));
            }
        });
        desk
    }

    /// Whether what has come and what comes is worked on until this changes.
    pub(super) fn hold(&self, is_held: bool) {
        self.is_held.send_replace(is_held);
    }

    /// What it was asked to do, in the order in which that came.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}

/// Serves one connection; a fault on it ends it.
async fn converse(
    stream: TcpStream,
    mut is_held: watch::Receiver<bool>,
    asked: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut connection = Connection::new(stream)?;
    while let Some(head) = connection.head().await? {
        let body = connection.request_body(&head).await?;
        let order = order(&head, &body);
        asked
            .lock()
            .expect("nobody panics with it")
            .push(order.clone());
        if is_held.wait_for(|is_held| !is_held).await.is_err() {
            return Ok(());
        }
        let answer = format!("done: {order}");
        let length = answer.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{answer}");
        connection.send(answer.as_bytes()).await?;
    }
    Ok(())
}

fn order(head: &Head, body: &[u8]) -> String {
    let line = head.start.trim_end_matches(" HTTP/1.1");
    format!("{line} {}", String::from_utf8_lossy(body))
        .trim()
        .to_owned()
}
