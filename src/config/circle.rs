//! Upstreams that are the gateway itself: a request to one would come back to it, again and again, until it is too large.
//!
//! Only what is certain is a fault: a name may be that of another machine, and an address of an interface another's.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::fault::Fault;
use super::{Address, Listen, Server, Upstream};

/// One for each server that is an address of ours; `span` is where the upstream stands in the file.
pub(super) fn circles(
    server: &Server,
    upstream: &Upstream,
    span: Option<Range<usize>>,
) -> Vec<Fault> {
    let circles = upstream.servers.iter().filter_map(|address| {
        let ours = server.listen.iter().find(|ours| is_at(address, ours))?;
        let message = format!(
            "`{address}` is where the gateway itself listens (`{ours}`): a request would come back to it again and again"
        );
        let help = "write where the backend listens, or have the gateway listen elsewhere";
        Some(Fault::new(span.clone(), message).help(help))
    });
    circles.collect()
}

fn is_at(upstream: &Address, ours: &Listen) -> bool {
    match (upstream, ours) {
        (Address::Tcp { host, port }, Listen::Tcp(ours))
        | (Address::Tls { host, port, .. }, Listen::Tls(ours)) => {
            *port == ours.port() && is_host_of(host, *ours)
        }
        (Address::Unix(path), Listen::Unix(ours)) => path == ours,
        _ => false,
    }
}

/// Whether this machine is asked, at an address that is listened on. `0.0.0.0` is this machine to who connects to it, and
/// all of its addresses to who listens there; `[::]` those of IPv4, too.
fn is_host_of(host: &str, ours: SocketAddr) -> bool {
    let ours = ours.ip();
    if host.eq_ignore_ascii_case("localhost") {
        return ours.is_loopback() || ours.is_unspecified();
    }
    let Ok(host) = host.parse::<IpAddr>() else {
        return false;
    };
    let is_this_machine = host.is_loopback() || host.is_unspecified();
    let has_family = ours.is_ipv6() || host.is_ipv4();
    host == ours || (is_this_machine && ours.is_unspecified() && has_family)
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, ConfigError, Overrides};

    fn told(listen: &str, upstream: &str) -> String {
        let text = format!("[server]\nlisten = {listen}\n[upstream]\nservers = {upstream}\n");
        match Config::parse("w.toml", &text, &Overrides::default()) {
            Ok(_) => String::new(),
            Err(error @ (ConfigError::Wrong(_) | ConfigError::Unreadable { .. })) => {
                error.to_string()
            }
        }
    }

    #[test]
    fn an_upstream_that_is_the_gateway_itself_is_a_fault() {
        for (listen, upstream) in [
            ("\"127.0.0.1:8080\"", "[\"http://127.0.0.1:8080\"]"),
            ("\"127.0.0.1:8080\"", "[\"http://localhost:8080\"]"),
            ("\"0.0.0.0:80\"", "[\"http://localhost\"]"),
            (
                "\"0.0.0.0:8080\"",
                "[\"http://a\", \"http://127.0.0.1:8080\"]",
            ),
            ("\"[::]:8080\"", "[\"http://127.0.0.1:8080\"]"),
            ("\"[::]:8080\"", "[\"http://[::1]:8080\"]"),
            ("\"192.0.2.1:8080\"", "[\"http://192.0.2.1:8080\"]"),
            ("\"unix:/run/a\"", "[\"unix:/run/a\"]"),
            (
                "[\"127.0.0.1:1\", \"127.0.0.1:2\"]",
                "[\"http://127.0.0.1:2\"]",
            ),
        ] {
            let told = told(listen, upstream);
            assert!(
                told.contains("is where the gateway itself listens"),
                "{listen} {upstream}: {told}"
            );
        }
    }

    #[test]
    fn another_port_address_family_or_machine_is_none() {
        for (listen, upstream) in [
            ("\"0.0.0.0:8080\"", "[\"http://127.0.0.1:3000\"]"),
            ("\"0.0.0.0:8080\"", "[\"http://app:8080\"]"),
            ("\"0.0.0.0:8080\"", "[\"http://192.0.2.1:8080\"]"),
            ("\"0.0.0.0:8080\"", "[\"http://[::1]:8080\"]"),
            ("\"127.0.0.1:8080\"", "[\"http://127.0.0.2:8080\"]"),
            ("\"192.0.2.1:8080\"", "[\"http://localhost:8080\"]"),
            ("\"unix:/run/a\"", "[\"unix:/run/b\"]"),
        ] {
            assert_eq!(told(listen, upstream), "", "{listen} {upstream}");
        }
    }
}
