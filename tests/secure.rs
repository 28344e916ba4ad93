//! TLS on both sides, with clients and servers of others: curl, openssl and NGINX, and where a connection has to break in a
//! way of its own, with a client or an origin that the test plays by hand.

mod clients;
mod reload;
mod subjects;
mod truncated;
mod upstream;

use crate::support::certificates::{Authority, Issued};
use crate::support::gateway::Gateway;
use std::net::SocketAddr;
use tokio::process::Command;

/// What curl comes to.
struct Curled {
    /// Its exit code.
    code: i32,
    status: String,
    /// The version of HTTP that was spoken.
    version: String,
    body: String,
}

/// Asks for `target` of the host at `addr`, which is to be known by a certificate of `authority`.
async fn curl(
    addr: SocketAddr,
    host: &str,
    target: &str,
    authority: &Authority,
    arguments: &[&str],
) -> Curled {
    let output = Command::new("curl")
        .args(["--silent", "--max-time", "20", "--resolve"])
        .arg(format!("{host}:{}:127.0.0.1", addr.port()))
        .args(["--write-out", "\n%{http_code} %{http_version}", "--cacert"])
        .arg(authority.ca())
        .args(arguments)
        .arg(format!("https://{host}:{}{target}", addr.port()))
        .output();
    let output = output.await.expect("curl is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, last) = text.rsplit_once('\n').unwrap_or_default();
    let (status, version) = last.split_once(' ').unwrap_or_default();
    Curled {
        code: output.status.code().unwrap_or(-1),
        status: status.to_owned(),
        version: version.to_owned(),
        body: body.to_owned(),
    }
}

/// The options of curl that show a certificate.
fn showing(issued: &Issued) -> [String; 4] {
    [
        "--cert".to_owned(),
        issued.certificate.display().to_string(),
        "--key".to_owned(),
        issued.key.display().to_string(),
    ]
}

/// A gateway that shows this, with nothing else set.
fn showing_only(upstream: &str, issued: &Issued) -> Gateway {
    Gateway::with_tls(upstream, "", (&issued.shown(), ""), "")
}
