//! Clients and an origin that a test plays by hand over real sockets, for what only a kernel and a process can show.

use crate::support::http1::{Connection, Head, Reply};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// The longest that anything is waited for.
const DEADLINE: Duration = Duration::from_secs(10);

/// Waits for `what`, and fails when it does not come.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = timeout(DEADLINE, future).await;
    waited.unwrap_or_else(|_late| panic!("waited in vain for {what}"))
}

/// What the gateway takes for its backend.
pub(crate) struct Origin {
    pub(crate) addr: SocketAddr,
    listener: TcpListener,
}

impl Origin {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        Self {
            addr: listener.local_addr().expect("a bound listener"),
            listener,
        }
    }

    /// The next connection on which something comes. Another is that of a gateway that starts, and tries whether there is anybody.
    pub(crate) async fn connection(&self) -> TcpStream {
        in_time("a connection to the origin", async {
            loop {
                let (stream, _) = self.listener.accept().await.expect("a connection");
                if stream.peek(&mut [0]).await.is_ok_and(|octets| octets > 0) {
                    return stream;
                }
            }
        })
        .await
    }

    /// The next connection, and the first request on it, read whole.
    pub(crate) async fn request(&self) -> (Connection, Head) {
        let stream = self.connection().await;
        let mut connection = Connection::new(stream).expect("a connection");
        let head = request_on(&mut connection).await;
        (connection, head)
    }
}

/// The next request on a connection to the origin, read whole.
pub(crate) async fn request_on<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<S>,
) -> Head {
    in_time("a request at the origin", async {
        let head = connection.head().await.expect("a request");
        let head = head.expect("a request, and not the end");
        connection.request_body(&head).await.expect("its body");
        head
    })
    .await
}

/// A client that connects and sends this.
pub(crate) async fn client_sends(gateway: SocketAddr, bytes: impl AsRef<[u8]>) -> Connection {
    let stream = in_time("a connection", TcpStream::connect(gateway)).await;
    let mut client = Connection::new(stream.expect("a connection")).expect("a connection");
    client.send(bytes.as_ref()).await.expect("it is sent");
    client
}

/// The answer that a client waits for.
pub(crate) async fn reply<S: AsyncRead + AsyncWrite + Unpin>(client: &mut Connection<S>) -> Reply {
    let reply = in_time("an answer", client.reply()).await;
    reply.expect("a whole answer")
}

/// What one request comes to.
pub(crate) async fn exchange(gateway: SocketAddr, bytes: impl AsRef<[u8]>) -> Reply {
    reply(&mut client_sends(gateway, bytes).await).await
}

/// The origin's answer.
pub(crate) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<S>,
    body: &str,
) {
    let length = body.len();
    let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
    connection
        .send(response.as_bytes())
        .await
        .expect("it is sent");
}

/// A small request of this method, with a body of two octets.
pub(crate) fn write(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi")
}
