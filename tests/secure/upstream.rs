//! Upstreams that speak TLS: NGINX, and where it has to stall, an origin that says nothing.

use super::Curled;
use crate::support::certificates::{Authority, Issued, accept};
use crate::support::gateway::{Gateway, binary};
use crate::support::loopback::{Origin, exchange, write};
use crate::support::nginx;
use crate::support::program::{Program, Scratch};
use std::net::SocketAddr;
use tokio::process::Command;

/// An NGINX that answers with what it was told, and keeps what is put.
struct Nginx {
    addr: SocketAddr,
    _program: Program,
    _scratch: Scratch,
}

impl Nginx {
    /// That shows this, with `settings` of its own.
    fn showing(shown: &Issued, settings: &str) -> Self {
        let scratch = Scratch::new("nginx");
        let (program, addr) = Program::listen(&scratch.path().join("log"), |addr| {
            let text = server(addr, shown, settings, &scratch);
            nginx::command(&scratch, &text)
        });
        Self {
            addr,
            _program: program,
            _scratch: scratch,
        }
    }

    fn url(&self) -> String {
        format!("https://{}", self.addr)
    }
}

fn server(addr: SocketAddr, shown: &Issued, settings: &str, scratch: &Scratch) -> String {
    let (certificate, key) = (shown.certificate.display(), shown.key.display());
    let files = scratch.path().join("files");
    std::fs::create_dir_all(&files).expect("a directory");
    // Its workers may be another user's.
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&files, everybody).expect("it is ours");
    let versions = if settings.contains("ssl_protocols") {
        ""
    } else {
        "ssl_protocols TLSv1.2 TLSv1.3;"
    };
    format!(
        "    server {{
        listen {addr} ssl http2;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        client_max_body_size 8m;
        {versions}
        {settings}
        location / {{ return 200 '$server_protocol $ssl_protocol $ssl_server_name $ssl_client_s_dn'; }}
        location /files/ {{ alias {}/; dav_methods PUT; }}
    }}",
        files.display()
    )
}

/// A gateway in front of `url`, with `tls` in `[upstream.tls]`, and `environment` in its own.
fn in_front(url: &str, settings: &str, tls: &str, environment: &[(&str, &str)]) -> Gateway {
    Gateway::run(|scratch, addr| {
        let text = format!(
            "[server]\nlisten = \"{addr}\"\n[upstream]\nurl = \"{url}\"\n{settings}\n[upstream.tls]\n{tls}\n"
        );
        let mut command = binary();
        let file = scratch.file("writegate.toml", &text);
        command.arg("run").arg("--config").arg(file);
        command.envs(environment.iter().copied());
        command
    })
}

fn trusting(authority: &Authority) -> String {
    format!("ca = \"{}\"", authority.ca().display())
}

async fn body_of(gateway: &Gateway) -> (u16, String) {
    let reply = exchange(gateway.addr, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    (
        reply.status,
        String::from_utf8_lossy(&reply.body).into_owned(),
    )
}

#[tokio::test]
async fn an_upstream_that_a_named_authority_vouches_for_is_spoken_to() {
    let authority = Authority::new("ca");
    let nginx = Nginx::showing(&authority.server("origin", "IP:127.0.0.1"), "");
    let gateway = in_front(&nginx.url(), "", &trusting(&authority), &[]);
    let (status, body) = body_of(&gateway).await;
    assert_eq!((status, &*body), (200, "HTTP/1.1 TLSv1.3  "));
    gateway.ends_empty().await;
}

#[tokio::test]
async fn an_upstream_that_speaks_the_older_version_is_spoken_to() {
    let authority = Authority::new("ca");
    let shown = authority.server("origin", "IP:127.0.0.1");
    let nginx = Nginx::showing(&shown, "ssl_protocols TLSv1.2;");
    let gateway = in_front(&nginx.url(), "", &trusting(&authority), &[]);
    assert_eq!(body_of(&gateway).await.1, "HTTP/1.1 TLSv1.2  ");
    gateway.ends_well();
}

#[tokio::test]
async fn http_2_is_spoken_where_it_is_configured_and_refused_where_it_is_not_agreed_on() {
    let authority = Authority::new("ca");
    let nginx = Nginx::showing(&authority.server("origin", "IP:127.0.0.1"), "");
    let gateway = in_front(
        &nginx.url(),
        "protocol = \"h2\"",
        &trusting(&authority),
        &[],
    );
    for _ in 0..3 {
        assert_eq!(body_of(&gateway).await.1, "HTTP/2.0 TLSv1.3  ");
    }
    gateway.ends_well();
    let origin = Origin::start().await;
    let url = format!("https://{}", origin.addr);
    let gateway = in_front(&url, "protocol = \"h2\"", &trusting(&authority), &[]);
    let refused = exchange(gateway.addr, write("PUT", "/a"));
    let shown = authority.server("silent", "IP:127.0.0.1");
    let (refused, _stream) = tokio::join!(refused, async {
        accept(origin.connection().await, &shown).await
    });
    assert_eq!(refused.status, 502);
    gateway.until_said("speaks no HTTP/2 within TLS").await;
    gateway.ends_well();
}

#[tokio::test]
async fn an_upstream_is_known_by_another_name_where_one_is_configured() {
    let authority = Authority::new("ca");
    let nginx = Nginx::showing(&authority.server("origin", "DNS:app.internal"), "");
    let named = format!("{}\nserver_name = \"app.internal\"", trusting(&authority));
    let gateway = in_front(&nginx.url(), "", &named, &[]);
    assert_eq!(body_of(&gateway).await.1, "HTTP/1.1 TLSv1.3 app.internal ");
    gateway.ends_well();
}

#[tokio::test]
async fn the_authorities_of_the_system_vouch_where_none_is_named() {
    let authority = Authority::new("ca");
    let nginx = Nginx::showing(&authority.server("origin", "IP:127.0.0.1"), "");
    let ca = authority.ca().display().to_string();
    let gateway = in_front(&nginx.url(), "", "", &[("SSL_CERT_FILE", &ca)]);
    assert_eq!(body_of(&gateway).await.0, 200);
    gateway.ends_well();
}

#[tokio::test]
async fn an_upstream_that_cannot_be_verified_gets_nothing_and_keeps_no_key() {
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let good = authority.server("origin", "IP:127.0.0.1");
    let of_another_name = authority.server("elsewhere", "DNS:elsewhere.example");
    let expired = authority.issue("old", "/CN=old", "IP:127.0.0.1", -1);
    for (shown, trusted, why) in [
        (&good, &other, "UnknownIssuer"),
        (&of_another_name, &authority, "not valid for name"),
        (&expired, &authority, "xpired"),
    ] {
        let nginx = Nginx::showing(shown, "");
        let gateway = in_front(&nginx.url(), "", &trusting(trusted), &[]);
        for _ in 0..2 {
            // A second write on the key is not refused: the first was never sent.
            let refused = exchange(gateway.addr, write("PUT", "/a")).await;
            assert_eq!(refused.status, 502, "{why}");
            let body = String::from_utf8_lossy(&refused.body).into_owned();
            assert!(body.contains("upstream-unreachable"), "{body}");
        }
        gateway.until_said(why).await;
        gateway.ends_well();
    }
}

#[tokio::test]
async fn whoever_answers_is_taken_for_the_upstream_where_danger_is_accepted_and_that_is_said() {
    let authority = Authority::new("ca");
    let expired = authority.issue("old", "/CN=old", "DNS:elsewhere.example", -1);
    let nginx = Nginx::showing(&expired, "");
    let danger = "danger_accept_invalid_certificates = true";
    let gateway = in_front(&nginx.url(), "", danger, &[]);
    assert_eq!(body_of(&gateway).await.0, 200);
    let log = gateway.ends_well();
    assert!(
        log.contains("`danger_accept_invalid_certificates` is set"),
        "{log}"
    );
}

#[tokio::test]
async fn an_upstream_that_asks_for_a_certificate_is_shown_ours() {
    let authority = Authority::new("ca");
    let shown = authority.server("origin", "IP:127.0.0.1");
    let asks = format!(
        "ssl_client_certificate {}; ssl_verify_client on;",
        authority.ca().display()
    );
    let nginx = Nginx::showing(&shown, &asks);
    let gateway = in_front(&nginx.url(), "", &trusting(&authority), &[]);
    // NGINX tells within HTTP who has shown none.
    assert_eq!(body_of(&gateway).await.0, 400);
    gateway.ends_well();
    let own = authority.client("gateway", "/O=Shop/CN=gateway");
    let tls = format!(
        "{}\ncertificate = \"{}\"\nkey = \"{}\"",
        trusting(&authority),
        own.certificate.display(),
        own.key.display()
    );
    let gateway = in_front(&nginx.url(), "", &tls, &[]);
    let (_, body) = body_of(&gateway).await;
    assert_eq!(body, "HTTP/1.1 TLSv1.3  CN=gateway,O=Shop");
    gateway.ends_well();
}

#[tokio::test]
async fn an_upstream_that_stalls_in_its_handshake_is_given_up_in_time_and_keeps_no_key() {
    let origin = Origin::start().await;
    let url = format!("https://{}", origin.addr);
    let danger = "danger_accept_invalid_certificates = true";
    let gateway = in_front(&url, "connect_timeout = \"500ms\"", danger, &[]);
    for _ in 0..2 {
        let refused = exchange(gateway.addr, write("PUT", "/a")).await;
        assert_eq!(refused.status, 504);
        let body = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(body.contains("connect-timeout"), "{body}");
    }
    gateway.ends_well();
}

#[tokio::test]
async fn an_upstream_that_speaks_plain_http_gets_nothing() {
    let origin = Origin::start().await;
    let url = format!("https://{}", origin.addr);
    let danger = "danger_accept_invalid_certificates = true";
    let gateway = in_front(&url, "", danger, &[]);
    let refused = exchange(gateway.addr, write("PUT", "/a"));
    let answering = async {
        let mut stream = origin.connection().await;
        let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, answer)
            .await
            .expect("it is sent");
        stream
    };
    let (refused, _stream) = tokio::join!(refused, answering);
    assert_eq!(refused.status, 502);
    gateway.ends_well();
}

#[tokio::test]
async fn a_mebibyte_passes_each_way() {
    let authority = Authority::new("ca");
    let nginx = Nginx::showing(&authority.server("origin", "IP:127.0.0.1"), "");
    let octets: Vec<u8> = (0..1_u32 << 20).map(|n| (n / 7) as u8).collect();
    let sent = authority.path("sent");
    std::fs::write(&sent, &octets).expect("a file");
    for protocol in ["http/1.1", "h2"] {
        let settings = format!("protocol = \"{protocol}\"");
        let gateway = in_front(&nginx.url(), &settings, &trusting(&authority), &[]);
        let name = protocol.replace('/', "-");
        let target = format!("http://{}/files/{name}", gateway.addr);
        let sent = sent.display().to_string();
        let put = plain_curl(&["-T", &sent, &target]).await;
        assert!(
            ["201", "204"].contains(&&*put.status),
            "{protocol}: {}",
            put.status
        );
        let taken = authority.path("taken").display().to_string();
        let got = plain_curl(&["-o", &taken, &target]).await;
        assert_eq!((got.code, &*got.status), (0, "200"), "{protocol}");
        let taken = std::fs::read(&taken).expect("a file");
        assert!(
            taken == octets,
            "{protocol}: {} octets came back",
            taken.len()
        );
        gateway.ends_well();
    }
}

async fn plain_curl(arguments: &[&str]) -> Curled {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--max-time",
            "20",
            "--write-out",
            "\n%{http_code}",
        ])
        .args(arguments)
        .output();
    let output = output.await.expect("curl is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap_or_default();
    Curled {
        code: output.status.code().unwrap_or(-1),
        status: status.to_owned(),
        version: String::new(),
        body: body.to_owned(),
    }
}
