//! Clients that speak TLS: which versions and protocols, by which certificate, and what becomes of those who do not.

use super::{curl, showing_only};
use crate::support::certificates::Authority;
use crate::support::gateway::Gateway;
use crate::support::http1::Connection;
use crate::support::loopback::{client_sends, in_time, reply};
use crate::support::mirror::Mirror;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, sleep};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConnection, Stream as Blocking};

#[tokio::test]
async fn clients_speak_tls_of_either_version_and_the_upstream_is_told_https() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let gateway = showing_only(&mirror.url(), &authority.server("shop", "DNS:shop.example"));
    for version in [&["--tls-max", "1.2"][..], &["--tlsv1.3"]] {
        for (protocol, spoken) in [("--http1.1", "1.1"), ("--http2", "2")] {
            let arguments = [version, &[protocol]].concat();
            let got = curl(gateway.addr, "shop.example", "/a", &authority, &arguments).await;
            assert_eq!((got.code, &*got.status), (0, "200"), "{arguments:?}");
            assert_eq!(got.version, spoken, "{arguments:?}");
            assert!(
                got.body.contains("\nx-forwarded-proto: https\n"),
                "{}",
                got.body
            );
            assert!(got.body.contains(";proto=https\n"), "{}", got.body);
        }
    }
    gateway.ends_empty().await;
}

#[tokio::test]
async fn an_old_version_is_not_spoken_where_the_configuration_says_so() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let shown = authority.server("shop", "DNS:shop.example").shown();
    let settings = (&*shown, "min_version = \"1.3\"");
    let gateway = Gateway::with_tls(&mirror.url(), "", settings, "");
    let old = ["--tls-max", "1.2"];
    let refused = curl(gateway.addr, "shop.example", "/", &authority, &old).await;
    assert_eq!(refused.code, 35, "curl: SSL connect error");
    let got = curl(gateway.addr, "shop.example", "/", &authority, &[]).await;
    assert_eq!(got.status, "200");
    gateway.ends_well();
}

/// The subject of the certificate that openssl is shown when it asks for `name`, or for no name.
async fn shown_to(addr: SocketAddr, name: Option<&str>) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &addr.to_string()]);
    match name {
        Some(name) => command.args(["-servername", name]),
        None => command.arg("-noservername"),
    };
    let output = command.stdin(std::process::Stdio::null()).output().await;
    let text = String::from_utf8_lossy(&output.expect("openssl is there").stdout).into_owned();
    let subject = text
        .lines()
        .find_map(|line| line.strip_prefix("subject=CN = "));
    subject.unwrap_or(&text).to_owned()
}

#[tokio::test]
async fn the_certificate_is_that_of_the_host_that_is_asked_for() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let shown: Vec<String> = [
        ("first", "DNS:first.example,DNS:also.example"),
        ("any", "DNS:*.shop.example"),
        ("exact", "DNS:Desk.shop.example"),
    ]
    .map(|(file, names)| authority.server(file, names).shown())
    .to_vec();
    let gateway = Gateway::with_tls(&mirror.url(), "", (&shown.join(", "), ""), "");
    for (name, expected) in [
        (Some("first.example"), "first"),
        (Some("also.example"), "first"),
        (Some("till.shop.example"), "any"),
        (Some("TILL.shop.example"), "any"),
        (Some("desk.shop.example"), "exact"),
        // A star stands for one label, and for one at least.
        (Some("a.till.shop.example"), "first"),
        (Some("shop.example"), "first"),
        (Some("elsewhere.example"), "first"),
        (None, "first"),
    ] {
        assert_eq!(shown_to(gateway.addr, name).await, expected, "{name:?}");
    }
    gateway.ends_well();
}

#[tokio::test]
async fn a_client_that_trusts_another_or_asks_for_another_breaks_off() {
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let mirror = Mirror::start().await;
    let gateway = showing_only(&mirror.url(), &authority.server("shop", "DNS:shop.example"));
    let got = curl(gateway.addr, "shop.example", "/", &other, &[]).await;
    assert_eq!(got.code, 60, "curl: the certificate cannot be verified");
    let got = curl(gateway.addr, "desk.example", "/", &authority, &[]).await;
    assert_eq!(got.code, 60, "curl: the certificate is for another");
    let got = curl(gateway.addr, "shop.example", "/", &authority, &[]).await;
    assert_eq!(got.status, "200");
    gateway.ends_well();
}

#[tokio::test]
async fn plain_http_on_a_port_for_tls_is_told_so() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let gateway = showing_only(&mirror.url(), &authority.server("shop", "DNS:shop.example"));
    let mut client = client_sends(gateway.addr, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let refused = reply(&mut client).await;
    assert_eq!(refused.status, 400);
    let body = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(
        body.contains("this is plain HTTP, and TLS is spoken here"),
        "{body}"
    );
    let rest = in_time("the end", client.more()).await;
    assert_eq!(rest.expect("a clean end"), 0);
    gateway.ends_empty().await;
}

#[tokio::test]
async fn a_client_that_stalls_in_its_handshake_is_closed_in_time_and_holds_up_nobody() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let shown = authority.server("shop", "DNS:shop.example").shown();
    let settings = "workers = 1\nreceive_timeout = \"1s\"";
    let gateway = Gateway::with_tls(&mirror.url(), settings, (&shown, ""), "");
    let began = Instant::now();
    // Nothing, and the beginning of a record that says that 512 bytes follow.
    let mut silent = client_sends(gateway.addr, "").await;
    let mut stalled = client_sends(gateway.addr, [22, 3, 1, 2, 0, 1]).await;
    let got = curl(gateway.addr, "shop.example", "/", &authority, &[]).await;
    assert_eq!(got.status, "200");
    for client in [&mut silent, &mut stalled] {
        // By a FIN, or since bytes of it were never read, by a reset.
        let _end = in_time("the end", client.more()).await;
    }
    assert!(
        began.elapsed() > Duration::from_millis(900),
        "{:?}",
        began.elapsed()
    );
    gateway.ends_empty().await;
}

#[tokio::test]
async fn what_is_no_tls_and_no_http_is_closed() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let gateway = showing_only(&mirror.url(), &authority.server("shop", "DNS:shop.example"));
    let mut client = client_sends(gateway.addr, [0, 255, 7, 7, 7, 7, 7, 7]).await;
    let _alert = in_time("the end", async {
        while client.more().await.is_ok_and(|n| n > 0) {}
    })
    .await;
    let got = curl(gateway.addr, "shop.example", "/", &authority, &[]).await;
    assert_eq!(got.status, "200");
    gateway.ends_empty().await;
}

#[tokio::test]
async fn a_mebibyte_passes_each_way() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let gateway = showing_only(&mirror.url(), &authority.server("shop", "DNS:shop.example"));
    let octets: Vec<u8> = (0..1_u32 << 20).map(|n| (n / 7) as u8).collect();
    let (sent, taken) = (authority.path("sent"), authority.path("taken"));
    std::fs::write(&sent, &octets).expect("a file");
    for protocol in ["--http1.1", "--http2"] {
        let (sent, taken_to) = (sent.display().to_string(), taken.display().to_string());
        let arguments = [protocol, "-T", &sent, "-o", &taken_to];
        let got = curl(
            gateway.addr,
            "shop.example",
            "/octets",
            &authority,
            &arguments,
        )
        .await;
        assert_eq!((got.code, &*got.status), (0, "200"), "{protocol}");
        let taken = std::fs::read(&taken).expect("a file");
        assert!(
            taken == octets,
            "{protocol}: {} octets came back",
            taken.len()
        );
    }
    gateway.ends_empty().await;
}

#[tokio::test]
async fn a_parked_connection_wakes_when_a_request_comes() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let gateway = showing_only(&mirror.url(), &authority.server("shop", "DNS:shop.example"));
    let mut client = Connection::over(tls_to(&gateway, &authority).await);
    for _ in 0..2 {
        client
            .send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .expect("it is sent");
        assert_eq!(reply(&mut client).await.status, 200);
        // The interval is the input here: after it the connection is parked.
        sleep(Duration::from_millis(2500)).await;
    }
    drop(client);
    gateway.ends_empty().await;
}

#[tokio::test]
async fn a_client_that_reads_late_gets_all_of_an_answer_that_was_kept_back() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let gateway = showing_only(&mirror.url(), &authority.server("shop", "DNS:shop.example"));
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket
        .set_recv_buffer_size(8 << 10)
        .expect("a small buffer");
    let stream = socket.connect(gateway.addr).await.expect("a connection");
    let mut client = Connection::over(authority.connect(stream, "shop.example").await);
    // Of several sizes: what is kept back at the end depends on what the kernels take.
    for octets in [1 << 20, 3 << 20, 5 << 20] {
        let head = format!("PUT /octets HTTP/1.1\r\nHost: a\r\nContent-Length: {octets}\r\n\r\n");
        client.send(head.as_bytes()).await.expect("it is sent");
        client.send(&vec![b'x'; octets]).await.expect("it is sent");
        // The interval is the input here: longer than it takes an idle connection to be parked.
        sleep(Duration::from_millis(2500)).await;
        let whole = reply(&mut client).await;
        assert_eq!(whole.body.len(), octets);
    }
    drop(client);
    gateway.ends_empty().await;
}

async fn tls_to(
    gateway: &Gateway,
    authority: &Authority,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let stream = TcpStream::connect(gateway.addr)
        .await
        .expect("a connection");
    authority.connect(stream, "shop.example").await
}

#[tokio::test]
async fn a_connection_is_closed_with_a_word() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let gateway = showing_only(&mirror.url(), &authority.server("shop", "DNS:shop.example"));
    let mut stream = tls_to(&gateway, &authority).await;
    let request = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.expect("it is sent");
    let mut read = Vec::new();
    let ended = in_time("the end", stream.read_to_end(&mut read)).await;
    // Without a close_notify it would be a fault.
    ended.expect("a clean end");
    assert!(read.starts_with(b"HTTP/1.1 200 OK\r\n"));
    gateway.ends_empty().await;
}

/// A `close_notify`, and no FIN: the client's side of TCP stays open.
async fn say_no_more(stream: &mut tokio_rustls::client::TlsStream<TcpStream>) {
    stream.get_mut().1.send_close_notify();
    stream.flush().await.expect("it is sent");
}

#[tokio::test]
async fn a_client_that_says_it_sends_no_more_is_answered_and_let_go() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let gateway = showing_only(&mirror.url(), &authority.server("shop", "DNS:shop.example"));
    let request = b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    // The intervals are the input here: after the longer one the connection is parked.
    let rests = [Duration::ZERO, Duration::from_millis(2500)];
    for rest in [None].into_iter().chain(rests.map(Some)) {
        let mut client = Connection::over(tls_to(&gateway, &authority).await);
        client.send(request).await.expect("it is sent");
        if let Some(rest) = rest {
            assert_eq!(reply(&mut client).await.status, 200);
            sleep(rest).await;
        }
        say_no_more(&mut client.stream).await;
        if rest.is_none() {
            assert_eq!(reply(&mut client).await.status, 200);
        }
        let mut left = Vec::new();
        let ended = in_time("the end", client.stream.read_to_end(&mut left)).await;
        ended.expect("a clean end");
        assert_eq!(left, b"", "{rest:?}");
    }
    gateway.ends_empty().await;
}

#[tokio::test]
async fn a_request_that_comes_with_the_last_of_the_handshake_is_answered() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let shown = authority.server("shop", "DNS:shop.example");
    let gateway = showing_only(&mirror.url(), &shown);
    let name = ServerName::try_from("shop.example").expect("a name");
    let mut client = ClientConnection::new(authority.trusted(), name).expect("a client");
    let addr = gateway.addr;
    let asking = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(addr).expect("a connection");
        let patience = Some(Duration::from_secs(5));
        stream.set_read_timeout(patience).expect("a deadline");
        while client.is_handshaking() {
            while client.wants_write() {
                client.write_tls(&mut stream).expect("it is sent");
            }
            client.read_tls(&mut stream).expect("it is answered");
            client.process_new_packets().expect("a handshake");
        }
        let request = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
        client.writer().write_all(request).expect("it is kept");
        let mut at_once = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut at_once).expect("it is kept");
        }
        stream.write_all(&at_once).expect("it is sent");
        let mut answer = [0; 12];
        let mut tls = Blocking::new(&mut client, &mut stream);
        tls.read_exact(&mut answer).map(|()| answer)
    });
    let answer = asking.await.expect("no panic").expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200");
    gateway.ends_well();
}
