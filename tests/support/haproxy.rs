//! HAProxy as the nearest peer: a stick table that counts the requests in flight per path, after all the normalising that it has.

use crate::support::program::{Program, Scratch};
use std::net::SocketAddr;
use std::process::Command;

/// A running HAProxy; dropped, it ends.
pub(crate) struct Haproxy {
    pub(crate) addr: SocketAddr,
    _program: Program,
    _scratch: Scratch,
}

impl Haproxy {
    /// Starts it in front of `upstream`, one thread, as the gateway's single worker would be.
    pub(crate) fn start(upstream: SocketAddr) -> Self {
        let scratch = Scratch::new("haproxy");
        let (program, addr) = Program::listen(&scratch.path().join("log"), |addr| {
            let mut command = Command::new("haproxy");
            command
                .arg("-db")
                .arg("-f")
                .arg(scratch.file("haproxy.cfg", &configuration(addr, upstream)));
            command
        });
        Self {
            addr,
            _program: program,
            _scratch: scratch,
        }
    }
}

fn configuration(addr: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "global
    expose-experimental-directives
    nbthread 2
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    retries 0
    http-reuse safe
frontend in
    bind {addr}
    http-request normalize-uri fragment-strip
    http-request normalize-uri percent-to-uppercase
    http-request normalize-uri percent-decode-unreserved
    http-request normalize-uri path-merge-slashes
    http-request normalize-uri path-strip-dot
    http-request normalize-uri path-strip-dotdot full
    acl is_write method PUT POST PATCH DELETE
    http-request track-sc0 path table writes if is_write
    http-request return status 409 content-type text/plain string taken if is_write {{ sc0_conn_cur gt 1 }}
    default_backend origin
backend origin
    server origin {upstream}
backend writes
    stick-table type string len 256 size 100k expire 60s store conn_cur
"
    )
}
