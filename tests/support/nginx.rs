//! nginx as a peer: `limit_conn` by its normalised path, one write each.

use crate::support::program::{Program, Scratch};
use std::net::SocketAddr;
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
