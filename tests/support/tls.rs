//! Servers that terminate TLS in front of another, configured as the documentation shows it.

use crate::support::nginx;
use crate::support::php::{MODULES, user};
use crate::support::program::{Program, Scratch, repository};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// A running server; dropped, it ends.
pub(crate) struct Tls {
    pub(crate) addr: SocketAddr,
    /// What vouches for it.
    pub(crate) certificate: PathBuf,
    _program: Program,
    _scratch: Scratch,
}

impl Tls {
    pub(crate) fn nginx(upstream: SocketAddr) -> Self {
        Self::start(|scratch, addr| {
            let server = shown(
                "docs/nginx.md",
                "server {\n",
                "listen 443",
                addr,
                upstream,
                scratch,
            );
            nginx::command(scratch, &server)
        })
    }

    pub(crate) fn apache(upstream: SocketAddr) -> Self {
        Self::start(|scratch, addr| {
            let host = shown(
                "docs/apache.md",
                "<VirtualHost",
                "*:443",
                addr,
                upstream,
                scratch,
            );
            let mut command = Command::new("apache2");
            // It ends by signalling its whole process group, which must not be the test's.
            command
                .process_group(0)
                .arg("-DFOREGROUND")
                .arg("-f")
                .arg(scratch.file("httpd.conf", &httpd(scratch, addr, &host)));
            command
        })
    }

    fn start(command: impl Fn(&Scratch, SocketAddr) -> Command) -> Self {
        let scratch = Scratch::new("tls");
        let certificate = certificate(&scratch);
        let log = scratch.path().join("log");
        let (program, addr) = Program::listen(&log, |addr| command(&scratch, addr));
        Self {
            addr,
            certificate,
            _program: program,
            _scratch: scratch,
        }
    }
}

/// Makes a certificate that vouches for itself, and gives its file.
fn certificate(scratch: &Scratch) -> PathBuf {
    let certificate = scratch.path().join("shop.pem");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=127.0.0.1"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
        .arg(scratch.path().join("shop.key"))
        .arg("-out")
        .arg(&certificate)
        .output();
    assert!(made.expect("openssl is there").status.success());
    certificate
}

/// The part of a page's code that begins with `from`, with addresses and files of ours.
fn shown(
    page: &str,
    from: &str,
    listen: &str,
    addr: SocketAddr,
    upstream: SocketAddr,
    scratch: &Scratch,
) -> String {
    let text = std::fs::read_to_string(repository(page)).expect("the page");
    let code = &text[text.find(from).expect("its code")..];
    let code = &code[..code.find("```").expect("its end")];
    let listens = listen.replace("*:443", &addr.to_string());
    let listens = listens.replace("443", &addr.to_string());
    [
        (listen, listens),
        ("/etc/ssl", scratch.path().display().to_string()),
        ("http://127.0.0.1:8080", format!("http://{upstream}")),
    ]
    .into_iter()
    .fold(code.to_owned(), |code, (from, to)| {
        assert!(code.contains(from), "{from} is not in {page}");
        code.replace(from, &to)
    })
}

fn httpd(scratch: &Scratch, addr: SocketAddr, host: &str) -> String {
    let root = scratch.path().display();
    let modules: String = [
        "mpm_event",
        "authz_core",
        "headers",
        "proxy",
        "proxy_http",
        "socache_shmcb",
        "ssl",
    ]
    .iter()
    .map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n"))
    .collect();
    format!(
        "ServerRoot {root}
ServerName localhost
PidFile {root}/httpd.pid
Mutex file:{root} default
DefaultRuntimeDir {root}
ErrorLog {root}/httpd-error.log
{}Listen {addr}
{modules}
{host}
",
        user()
    )
}
