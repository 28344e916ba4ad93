//! A connection to the upstream, and those that are idle.
//!
//! Invariants:
//! - A connection is in the pool only between exchanges that were over in both directions.
//! - One that has been idle for longer than the backend would keep it is not used again.
//! - The most recently used one is taken first: it is the least likely to be stale.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::body::Upload;
use crate::wire::{Outbound, Socket, Traffic};

/// The largest head, and the largest part of a body, that is read at once.
const BUFFER: usize = 128 * 1024;

/// The most field lines of a response head.
const FIELD_LIMIT: usize = 256;

/// The longest that an idle connection is kept, whatever the backend says.
const KEPT_AT_MOST: Duration = Duration::from_secs(3600);

/// Idle connections that a worker keeps for one server; past that the one just used is closed.
const IDLE_LIMIT: usize = 512;

/// One connection to the upstream.
pub(super) struct Link<S: Socket> {
    pub(super) sender: SendRequest<Upload>,
    driver: Connection<TokioIo<Outbound<S>>, Upload>,
    is_over: bool,
    pub(super) traffic: Rc<Traffic>,
    pub(super) is_reused: bool,
    /// How long it may be idle.
    patience: Duration,
    idle_until: Instant,
    home: Rc<Pool<S>>,
}

impl<S: Socket> Link<S> {
    /// Speaks HTTP/1.1 over a connection that was just made.
    pub(super) async fn new(socket: S, home: &Rc<Pool<S>>) -> hyper::Result<Box<Self>> {
        let outbound = Outbound::new(socket);
        let traffic = outbound.traffic();
        let (sender, driver) = Builder::new()
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

    /// Lets the connection read and write what it can.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
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
    pub(super) async fn into_tunnel(mut self: Box<Self>) -> (S, Bytes) {
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
        (parts.io.into_inner().into_socket(), parts.read_buf)
    }
}

/// The idle connections of one worker to one server.
pub(super) struct Pool<S: Socket> {
    /// Boxed, since a connection is large, and moves with every exchange.
    idle: RefCell<Vec<Box<Link<S>>>>,
    idle_timeout: Duration,
}

impl<S: Socket> Pool<S> {
    pub(super) fn new(idle_timeout: Duration) -> Rc<Self> {
        Rc::new(Self {
            idle: RefCell::default(),
            idle_timeout,
        })
    }

    /// The most recently used connection that is still good, looked at once.
    pub(super) fn take(&self, cx: &mut Context<'_>) -> Option<Box<Link<S>>> {
        loop {
            let mut link = self.idle.borrow_mut().pop()?;
            link.drive(cx);
            if !link.is_over
                && link.is_sound()
                && link.sender.is_ready()
                && Instant::now() < link.idle_until
            {
                return Some(link);
            }
        }
    }

    fn put(&self, link: Box<Link<S>>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < IDLE_LIMIT {
            idle.push(link);
        }
    }

    /// Closes what has been idle for too long.
    pub(super) fn sweep(&self, now: Instant) {
        // Taken out first: closing a connection runs foreign code, which must not find this borrowed.
        let idle = std::mem::take(&mut *self.idle.borrow_mut());
        let (fresh, _stale): (Vec<_>, Vec<_>) =
            idle.into_iter().partition(|link| now < link.idle_until);
        *self.idle.borrow_mut() = fresh;
    }
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
