//! The bounds of what clients may ask, and what of them gives pause.

use std::time::Duration;

use toml::Spanned;

use super::fault::Fault;
use super::raw::{RawServer, RawUpstream};
use super::value::{Count, Size};
use crate::policy::head::{self, FIELDS_AT_MOST};

/// What of the system's bound on open files is kept from clients: for connections to the upstream, and for logs.
const KEPT_FILES: usize = 4;

/// The most connections where the system has no bound that we know of.
const CONNECTIONS: usize = 100_000;

/// What clients may ask, and how long they may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The bounds of a request head.
    pub head: head::Limits,
    /// How long a request head may take from its first byte to its end.
    pub head_timeout: Duration,
    /// How long a client may be waited for in all for one request body; `None` for as long as it takes.
    pub body_timeout: Option<Duration>,
    /// The most connections from clients; past it none is accepted.
    pub max_connections: usize,
    /// The most connections from one client address; past it they are closed.
    pub max_connections_per_client: Option<usize>,
    /// The most requests in flight on all workers; past it they are refused.
    pub max_requests: Option<usize>,
}

pub(super) fn limits(raw: &RawServer) -> Limits {
    let size = |given: &Option<Spanned<Size>>, default| {
        given.as_ref().map_or(default, |size| size.get_ref().0)
    };
    let count =
        |given: &Option<Spanned<Count>>| given.as_ref().map(|count| count.get_ref().0.get());
    let defaults = head::Limits::default();
    Limits {
        head: head::Limits {
            head: size(&raw.max_head, defaults.head),
            fields: count(&raw.max_fields)
                .unwrap_or(defaults.fields)
                .min(FIELDS_AT_MOST),
            target: size(&raw.max_target, defaults.target),
        },
        head_timeout: raw
            .head_timeout
            .as_ref()
            .map_or(Duration::from_secs(10), |span| span.0),
        body_timeout: raw.body_timeout.as_ref().map(|span| span.0),
        max_connections: count(&raw.max_connections).unwrap_or_else(|| connections(open_files())),
        max_connections_per_client: count(&raw.max_connections_per_client),
        max_requests: raw.max_requests.as_ref().map(|count| count.0.get()),
    }
}

/// Three quarters of the files that the process may have open.
fn connections(files: Option<usize>) -> usize {
    files.map_or(CONNECTIONS, |files| (files - files / KEPT_FILES).max(1))
}

/// How many files the process may have open, where the system says so.
fn open_files() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Settings that another one leaves without effect.
pub(super) fn doubts(server: &RawServer, upstream: &RawUpstream) -> Vec<Fault> {
    let mut doubts = Vec::new();
    let larger = |one: &Option<Spanned<Size>>, other: &Option<Spanned<Size>>| {
        let (one, other) = (one.as_ref()?, other.as_ref()?);
        (one.get_ref().0 > other.get_ref().0).then(|| (one.span(), other.span()))
    };
    if let Some((target, head)) = larger(&server.max_target, &server.max_head) {
        let message =
            "`max_target` is above `max_head`: a target of this length is refused as a head";
        doubts.push(Fault::new(Some(target), message).beside(Some(head), "of which it is a part"));
    }
    if let Some(fields) = &server.max_fields
        && fields.get_ref().0.get() > FIELDS_AT_MOST
    {
        let message = format!("`max_fields` is above {FIELDS_AT_MOST}: no more are ever taken");
        doubts.push(Fault::new(Some(fields.span()), message));
    }
    if let (Some(each), Some(all)) = (&server.max_connections_per_client, &server.max_connections)
        && each.get_ref().0 > all.get_ref().0
    {
        let message =
            "`max_connections_per_client` is above `max_connections`: no client can have so many";
        let fault = Fault::new(Some(each.span()), message);
        doubts.push(fault.beside(Some(all.span()), "so many there are in all"));
    }
    if let (Some(response), Some(exchange)) =
        (&upstream.response_timeout, &upstream.exchange_timeout)
        && response.get_ref().0 > exchange.get_ref().0
    {
        let message = "`response_timeout` is above `exchange_timeout`: nobody waits for so long";
        let fault = Fault::new(Some(response.span()), message);
        doubts.push(fault.beside(Some(exchange.span()), "by then all of it is to be over"));
    }
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_files_are_kept_from_clients() {
        assert_eq!(connections(Some(1024)), 768);
        assert_eq!(connections(Some(1)), 1);
        assert_eq!(connections(None), CONNECTIONS);
    }
}
