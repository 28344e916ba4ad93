//! nginx as a peer: `limit_conn` by its normalised path, one write each.

use crate::support::program::{Program, Scratch, repository};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

/// A running nginx; dropped, it ends.
pub(crate) struct Nginx {
    pub(crate) addr: SocketAddr,
    _program: Program,
    _scratch: Scratch,
}

impl Nginx {
    /// Starts it in front of `upstream`; `ignore_client_abort` is the setting of that name.
    pub(crate) fn limiting(upstream: SocketAddr, ignore_client_abort: bool) -> Self {
        let scratch = Scratch::new("nginx");
        let (program, addr) = Program::listen(&scratch.path().join("log"), |addr| {
            let text = limits(
                addr,
                upstream,
                if ignore_client_abort { "on" } else { "off" },
            );
            command(&scratch, &text)
        });
        Self {
            addr,
            _program: program,
            _scratch: scratch,
        }
    }
}

/// An nginx that terminates TLS in front of another server; dropped, it ends.
pub(crate) struct Tls {
    pub(crate) addr: SocketAddr,
    /// What vouches for it.
    pub(crate) certificate: PathBuf,
    _program: Program,
    _scratch: Scratch,
}

impl Tls {
    pub(crate) fn before(upstream: SocketAddr) -> Self {
        let scratch = Scratch::new("tls");
        let certificate = scratch.path().join("certificate.pem");
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
            .args(["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=127.0.0.1"])
            .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
            .arg(scratch.path().join("key.pem"))
            .arg("-out")
            .arg(&certificate)
            .output();
        assert!(made.expect("openssl is there").status.success());
        let (program, addr) = Program::listen(&scratch.path().join("log"), |addr| {
            command(&scratch, &terminates(&scratch, addr, upstream))
        });
        Self {
            addr,
            certificate,
            _program: program,
            _scratch: scratch,
        }
    }
}

/// The server that `docs/nginx.md` shows, with addresses and files of ours.
fn terminates(scratch: &Scratch, addr: SocketAddr, upstream: SocketAddr) -> String {
    let page = std::fs::read_to_string(repository("docs/nginx.md")).expect("the page");
    let from = page.find("server {\n").expect("a server");
    let shown = &page[from..];
    let shown = &shown[..shown.find("```").expect("its end")];
    let root = scratch.path().display();
    [
        ("listen 443 ssl", format!("listen {addr} ssl")),
        ("/etc/ssl/shop.pem", format!("{root}/certificate.pem")),
        ("/etc/ssl/shop.key", format!("{root}/key.pem")),
        ("http://127.0.0.1:8080", format!("http://{upstream}")),
    ]
    .into_iter()
    .fold(shown.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in the page");
        text.replace(from, &to)
    })
}

/// nginx in the foreground, one process, everything that it writes in its own directory.
pub(crate) fn command(scratch: &Scratch, http: &str) -> Command {
    let root = scratch.path().display();
    let text = format!(
        "daemon off;
master_process off;
pid {root}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
{http}
}}
"
    );
    let mut command = Command::new("nginx");
    command
        .arg("-e")
        .arg("stderr")
        .arg("-p")
        .arg(scratch.path())
        .arg("-c")
        .arg(scratch.file("nginx.conf", &text));
    command
}

fn limits(addr: SocketAddr, upstream: SocketAddr, ignore: &str) -> String {
    format!(
        "    map $request_method $write {{ default $uri; GET ''; HEAD ''; OPTIONS ''; }}
    limit_conn_zone $write zone=writes:10m;
    upstream origin {{ server {upstream}; keepalive 64; }}
    server {{
        listen {addr};
        location / {{
            limit_conn writes 1;
            limit_conn_status 409;
            proxy_http_version 1.1;
            proxy_set_header Connection '';
            proxy_ignore_client_abort {ignore};
            proxy_pass http://origin;
        }}
    }}"
    )
}
