//! Connections that end without a `close_notify`: nothing that was cut off may seem whole, on either side.

use super::{curl, showing_only};
use crate::support::certificates::{Authority, accept};
use crate::support::gateway::{Gateway, binary};
use crate::support::http1::Connection;
use crate::support::loopback::{
    Origin, answer, client_sends, exchange, in_time, reply, request_on, write,
};
use std::io::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// More than is read whole before anything is sent.
const STREAMED: usize = 200 << 10;

#[tokio::test]
async fn a_body_that_a_client_breaks_off_never_ends_at_the_origin() {
    let authority = Authority::new("ca");
    let origin = Origin::start().await;
    let shown = authority.server("shop", "DNS:shop.example");
    let gateway = showing_only(&format!("http://{}", origin.addr), &shown);
    for (target, head) in [
        ("/a", "Transfer-Encoding: chunked\r\n\r\n40000\r\n"),
        ("/b", "Content-Length: 262144\r\n\r\n"),
    ] {
        let stream = TcpStream::connect(gateway.addr)
            .await
            .expect("a connection");
        let mut client = Connection::over(authority.connect(stream, "shop.example").await);
        let head = format!("PUT {target} HTTP/1.1\r\nHost: a\r\n{head}");
        client.send(head.as_bytes()).await.expect("it is sent");
        client
            .send(&vec![b'x'; STREAMED])
            .await
            .expect("it is sent");
        let mut upstream = Connection::over(origin.connection().await);
        let head = in_time("a head", upstream.head()).await;
        let head = head.expect("a head").expect("a head");
        // Dropped, it ends its side of TCP and says nothing.
        drop(client);
        let body = in_time("the end of the body", upstream.request_body(&head)).await;
        let kind = body
            .map(|octets| octets.len())
            .map_err(|error| error.kind());
        let is_cut = matches!(
            kind,
            Err(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset)
        );
        assert!(is_cut, "{kind:?}");
    }
    gateway.ends_well();
}

#[tokio::test]
async fn a_small_body_that_a_client_breaks_off_is_never_sent() {
    let authority = Authority::new("ca");
    let origin = Origin::start().await;
    let shown = authority.server("shop", "DNS:shop.example");
    let gateway = showing_only(&format!("http://{}", origin.addr), &shown);
    let stream = TcpStream::connect(gateway.addr)
        .await
        .expect("a connection");
    let mut client = Connection::over(authority.connect(stream, "shop.example").await);
    let request = "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nhi";
    client.send(request.as_bytes()).await.expect("it is sent");
    drop(client);
    gateway.until_said("body-broken").await;
    // The next that comes to the origin is of another.
    let stream = TcpStream::connect(gateway.addr)
        .await
        .expect("a connection");
    let mut client = Connection::over(authority.connect(stream, "shop.example").await);
    client
        .send(write("PUT", "/b").as_bytes())
        .await
        .expect("it is sent");
    let (_, head) = origin.request().await;
    assert!(head.start.starts_with("PUT /b "), "{}", head.start);
    drop(client);
    gateway.ends_well();
}

/// A gateway in front of an origin that speaks TLS, and is known by a certificate of `authority`.
fn in_front(origin: &Origin, authority: &Authority) -> Gateway {
    Gateway::run(|scratch, addr| {
        let (port, ca) = (origin.addr.port(), authority.ca());
        let text = format!(
            "[server]\nlisten = \"{addr}\"\n[upstream]\nurl = \"https://127.0.0.1:{port}\"\n[upstream.tls]\nca = \"{}\"\n",
            ca.display()
        );
        let mut command = binary();
        let file = scratch.file("writegate.toml", &text);
        command.arg("run").arg("--config").arg(file);
        command
    })
}

/// How the origin ends its connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// With a `close_notify`.
    Said,
    /// By a FIN alone, as anybody between could.
    Unsaid,
}

/// Ends the origin's side.
async fn stop(stream: &mut TlsStream<TcpStream>, end: End) {
    match end {
        End::Said => stream.shutdown().await,
        End::Unsaid => stream.get_mut().0.shutdown().await,
    }
    .expect("it ends");
}

/// Answers the next request with this, and ends the connection.
async fn answer_and_end(origin: &Origin, authority: &Authority, response: &str, end: End) {
    let shown = authority.server("origin", "IP:127.0.0.1");
    let stream = accept(origin.connection().await, &shown).await;
    let mut connection: Connection<TlsStream<TcpStream>> = Connection::over(stream);
    let head = in_time("a request", connection.head()).await;
    let head = head.expect("a head").expect("a head");
    connection.request_body(&head).await.expect("a body");
    connection
        .send(response.as_bytes())
        .await
        .expect("it is sent");
    let mut stream = connection.stream;
    stop(&mut stream, end).await;
    // Until the gateway has closed, too: a reset would be another end.
    let _end = in_time("the end", stream.get_mut().0.read_to_end(&mut Vec::new())).await;
}

#[tokio::test]
async fn a_response_that_ends_with_its_connection_is_whole_only_if_the_origin_says_so() {
    let authority = Authority::new("ca");
    let origin = Origin::start().await;
    let gateway = in_front(&origin, &authority);
    let until_the_end = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf";
    for end in [End::Said, End::Unsaid] {
        let mut client = client_sends(gateway.addr, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let (reply, ()) = tokio::join!(
            in_time("an answer", client.reply()),
            answer_and_end(&origin, &authority, until_the_end, end),
        );
        match end {
            End::Said => assert_eq!(reply.expect("all of it").body, b"half"),
            End::Unsaid => assert!(
                reply.as_ref().map_or(true, |reply| reply.status == 502),
                "it looks whole: {reply:?}"
            ),
        }
    }
    gateway.ends_well();
}

#[tokio::test]
async fn a_response_that_breaks_off_leaves_a_write_with_an_unknown_outcome() {
    let authority = Authority::new("ca");
    let origin = Origin::start().await;
    let gateway = in_front(&origin, &authority);
    for (target, response) in [
        ("/a", "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf"),
        (
            "/b",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ),
        ("/c", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf"),
        ("/d", ""),
    ] {
        let mut client = client_sends(gateway.addr, write("PUT", target)).await;
        let (answer, ()) = tokio::join!(
            in_time("an answer", client.reply()),
            answer_and_end(&origin, &authority, response, End::Unsaid),
        );
        let is_whole = answer.is_ok_and(|answer| answer.status == 200);
        assert!(!is_whole, "{target} looks whole");
        let mut second = client_sends(gateway.addr, write("PUT", target)).await;
        let refused = reply(&mut second).await;
        assert_eq!(refused.status, 409, "{target}");
        let body = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(body.contains("outcome-unknown"), "{body}");
    }
    gateway.ends_well();
}

#[tokio::test]
async fn an_answer_that_is_cut_does_not_look_whole_within_tls_either() {
    let authority = Authority::new("ca");
    let origin = Origin::start().await;
    let shown = authority.server("shop", "DNS:shop.example");
    let gateway = showing_only(&format!("http://{}", origin.addr), &shown);
    let arguments = ["--http1.0"];
    let cutting = async {
        let (mut upstream, _) = origin.request().await;
        let begun = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf";
        upstream.send(begun.as_bytes()).await.expect("it is sent");
        let begun = [b'x'; 70_000];
        upstream.send(&begun).await.expect("it is sent");
    };
    let asking = curl(gateway.addr, "shop.example", "/", &authority, &arguments);
    let (got, ()) = tokio::join!(asking, cutting);
    assert_ne!(got.code, 0, "it looks whole");
    gateway.ends_well();
}

#[tokio::test]
async fn an_idle_connection_that_the_origin_has_ended_costs_no_write() {
    let authority = Authority::new("ca");
    let origin = Origin::start().await;
    let gateway = in_front(&origin, &authority);
    let shown = authority.server("origin", "IP:127.0.0.1");
    let mut ended = Vec::new();
    for end in [End::Said, End::Unsaid, End::Said] {
        let writing = exchange(gateway.addr, write("PUT", "/a"));
        let answering = async {
            let stream = accept(origin.connection().await, &shown).await;
            let mut connection = Connection::over(stream);
            request_on(&mut connection).await;
            answer(&mut connection, "done").await;
            connection
        };
        let (written, connection) = tokio::join!(writing, answering);
        assert_eq!((written.status, &*written.body), (200, &b"done"[..]));
        // Only now: the connection is idle.
        let mut stream = connection.stream;
        stop(&mut stream, end).await;
        ended.push(stream);
    }
    gateway.ends_well();
}
