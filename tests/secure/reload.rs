//! Certificates that are replaced while the gateway runs.

use super::{curl, showing_only};
use crate::support::certificates::{Authority, Issued};
use crate::support::gateway::Gateway;
use crate::support::http1::Connection;
use crate::support::loopback::reply;
use crate::support::mirror::Mirror;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// Some looks at the files.
const PATIENCE: Duration = Duration::from_secs(20);

/// The certificate as Kubernetes mounts a secret: files that are links into `..data`, itself a link to a directory, by
/// which all are replaced at once.
fn mount(authority: &Authority, issued: &Issued, version: &str) -> Issued {
    let directory = authority.path(version);
    std::fs::create_dir(&directory).expect("a directory");
    std::fs::copy(&issued.certificate, directory.join("tls.crt")).expect("a copy");
    std::fs::copy(&issued.key, directory.join("tls.key")).expect("a copy");
    let (next, data) = (authority.path("..next"), authority.path("..data"));
    symlink(version, &next).expect("a link");
    std::fs::rename(&next, &data).expect("it is put in place");
    let mounted = Issued {
        certificate: authority.path("tls.crt"),
        key: authority.path("tls.key"),
    };
    if !mounted.key.exists() {
        symlink(Path::new("..data/tls.crt"), &mounted.certificate).expect("a link");
        symlink(Path::new("..data/tls.key"), &mounted.key).expect("a link");
    }
    mounted
}

/// Waits until who asks for this host is shown a certificate for it.
async fn until_shown(gateway: &Gateway, host: &str, authority: &Authority) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let got = curl(gateway.addr, host, "/", authority, &[]).await;
        if got.status == "200" {
            return;
        }
        assert_eq!(got.code, 60, "curl: it is that of another");
        let said = gateway.said();
        assert!(Instant::now() < deadline, "{host} is not served:\n{said}");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_certificate_that_is_replaced_is_shown_and_no_connection_is_dropped() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let first = authority.server("first", "DNS:first.example");
    let mounted = mount(&authority, &first, "v1");
    let gateway = showing_only(&mirror.url(), &mounted);
    let stream = TcpStream::connect(gateway.addr)
        .await
        .expect("a connection");
    let mut client = Connection::over(authority.connect(stream, "first.example").await);
    let request = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(request).await.expect("it is sent");
    assert_eq!(reply(&mut client).await.status, 200);
    let second = authority.server("second", "DNS:second.example");
    mount(&authority, &second, "v2");
    until_shown(&gateway, "second.example", &authority).await;
    assert!(
        gateway
            .said()
            .contains("certificates have changed, and are used from now on")
    );
    client.send(request).await.expect("it is sent");
    assert_eq!(
        reply(&mut client).await.status,
        200,
        "the connection is the same"
    );
    gateway.ends_well();
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_told_once_and_the_one_before_stays() {
    let (authority, mirror) = (Authority::new("ca"), Mirror::start().await);
    let first = authority.server("first", "DNS:first.example");
    let second = authority.server("second", "DNS:second.example");
    let mounted = mount(&authority, &first, "v1");
    let gateway = showing_only(&mirror.url(), &mounted);
    // The certificate of the one with the key of the other.
    let mixed = Issued {
        certificate: second.certificate.clone(),
        key: first.key.clone(),
    };
    mount(&authority, &mixed, "v2");
    let told = "cannot be used: those from before stay in use";
    gateway.until_said(told).await;
    assert!(
        gateway
            .said()
            .contains("does not belong to the certificate")
    );
    // The interval is the input here: it is not told again at each look.
    sleep(Duration::from_secs(5)).await;
    assert_eq!(gateway.said().matches(told).count(), 1);
    let got = curl(gateway.addr, "first.example", "/", &authority, &[]).await;
    assert_eq!(got.status, "200");
    mount(&authority, &second, "v3");
    until_shown(&gateway, "second.example", &authority).await;
    gateway.ends_well();
}
