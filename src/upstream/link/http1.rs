//! A connection to the upstream over which HTTP/1.1 is spoken: one exchange at a time.

use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::super::Fault;
use super::super::pool::Pool;
use crate::body::{HttpError, Upload};
use crate::wire::{Duplex, Outbound, Socket, Traffic};

/// The largest head, and the largest part of a body, that is read at once.
const BUFFER: usize = 128 * 1024;

/// The most field lines of a response head.
const FIELD_LIMIT: usize = 256;

/// The longest that an idle connection is kept, whatever the backend says.
const KEPT_AT_MOST: Duration = Duration::from_secs(3600);

/// One connection to the upstream.
pub(crate) struct Http1<S: Socket> {
    pub(crate) sender: SendRequest<Upload>,
    driver: Connection<TokioIo<Outbound<S>>, Upload>,
    is_over: bool,
    pub(crate) traffic: Rc<Traffic>,
    is_reused: bool,
    /// How long it may be idle.
    patience: Duration,
    idle_until: Instant,
    home: Rc<Pool<S>>,
}

impl<S: Socket> Http1<S> {
    /// Speaks HTTP/1.1 over a connection that was just made.
    pub(crate) async fn new(
        socket: S,
        home: &Rc<Pool<S>>,
        keeps_case: bool,
    ) -> hyper::Result<Box<Self>> {
        let outbound = Outbound::new(socket);
        let traffic = outbound.traffic();
        let (sender, driver) = Builder::new()
            .preserve_header_case(keeps_case)
            .max_buf_size(BUFFER)
            .max_headers(FIELD_LIMIT)
            .handshake(TokioIo::new(outbound))
            .await?;
        let home = Rc::clone(home);
        Ok(Box::new(Self {
            sender,
            driver,
            is_over: false,
            traffic,
            is_reused: false,
            patience: Duration::ZERO,
            idle_until: Instant::now(),
            home,
        }))
    }

    /// Whether another exchange came before.
    pub(super) const fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Whether it can be used at `now`.
    pub(crate) fn is_good(&self, now: Instant) -> bool {
        !self.is_over && self.is_sound() && self.sender.is_ready() && self.is_fresh(now)
    }

    /// Whether the backend would still keep it.
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        now < self.idle_until
    }

    /// Why the connection came to its end: by itself, or by what came over it.
    pub(crate) fn broken(&self, is_unheard: bool, source: HttpError) -> Fault {
        match (self.traffic.invalid(), source) {
            (Some(why), _) => Fault::Malformed(why),
            (None, HttpError::Http1(error)) if is_unparsed(&error) => Fault::Unparsed(error.into()),
            (None, source) => Fault::Broken {
                is_unheard,
                grant: None,
                source,
            },
        }
    }

    /// Lets the connection read and write what it can.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.is_over && Pin::new(&mut self.driver).poll(cx).is_ready() {
            self.is_over = true;
        }
    }

    /// Ready when both directions of the exchange are over.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.drive(cx);
        if self.is_over || self.sender.poll_ready(cx).is_ready() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Takes note of how long the backend says that it keeps an idle connection.
    pub(super) fn heed(&mut self, response: &HeaderMap) {
        let hint = response
            .get("keep-alive")
            .and_then(|value| keep_alive_timeout(value.to_str().ok()?));
        // Let go a second before the backend does, or at half the time where that is less.
        let patience = hint.map_or(self.home.idle_timeout, |hint| {
            let hint = hint.min(KEPT_AT_MOST);
            hint.saturating_sub(Duration::from_secs(1)).max(hint / 2)
        });
        self.patience = patience;
    }

    /// Gives the connection back for the next exchange, if there can be one.
    pub(super) fn park(mut self: Box<Self>) {
        if !self.is_over && self.is_sound() && self.sender.is_ready() {
            self.is_reused = true;
            self.idle_until = Instant::now() + self.patience;
            let home = Rc::clone(&self.home);
            home.put(self);
        }
    }

    /// Whether the next response on it would be the one to the next request.
    fn is_sound(&self) -> bool {
        !self.traffic.is_deaf() && !self.traffic.is_spoiled()
    }

    /// The bare connection, after a 101, and what was already read of the tunnel.
    pub(super) async fn into_tunnel(mut self: Box<Self>) -> (Box<dyn Duplex>, Bytes) {
        std::future::poll_fn(|cx| {
            self.drive(cx);
            if self.is_over {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        let parts = self.driver.into_parts();
        (
            Box::new(parts.io.into_inner().into_socket()),
            parts.read_buf,
        )
    }
}

/// Whether the library could make nothing of what came; of a body it says so by the kind of an error of I/O.
fn is_unparsed(error: &hyper::Error) -> bool {
    let kind = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    let kind = kind.map(io::Error::kind);
    error.is_parse() || matches!(kind, Some(ErrorKind::InvalidData | ErrorKind::InvalidInput))
}

/// The `timeout` parameter of a `Keep-Alive` field, in seconds.
fn keep_alive_timeout(value: &str) -> Option<Duration> {
    let seconds = value.split(',').find_map(|parameter| {
        let (name, seconds) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("timeout")
            .then(|| seconds.trim().parse().ok())?
    })?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_of_a_keep_alive_field_is_found() {
        assert_eq!(
            keep_alive_timeout("timeout=5"),
            Some(Duration::from_secs(5))
        );
        assert_eq!(
            keep_alive_timeout("max=100, Timeout = 15"),
            Some(Duration::from_secs(15))
        );
        assert_eq!(keep_alive_timeout("max=100"), None);
        assert_eq!(keep_alive_timeout("timeout=soon"), None);
    }
}
