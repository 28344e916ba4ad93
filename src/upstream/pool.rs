//! The connections of one worker to one server that are there to be used.
//!
//! Invariants:
//! - A connection of HTTP/1.1 is here only between exchanges that were over in both directions; one of HTTP/2 for as long as
//!   it takes new streams.
//! - One that has been idle for longer than the backend would keep it is not used again.
//! - The most recently used one is taken first: it is the least likely to be stale.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Context;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::link::{Link, Shared, Stream};
use crate::wire::Socket;

/// Idle connections of HTTP/1.1 that a worker keeps for one server; past that the one just used is closed.
const IDLE_LIMIT: usize = 512;

/// What there is to be used.
pub(super) struct Pool<S: Socket> {
    idle: RefCell<Vec<Link<S>>>,
    shared: RefCell<Vec<Rc<Shared>>>,
    /// Held while a connection is made that many will share. Of tokio, since its holder waits.
    dialing: Mutex<()>,
    /// Whether the names of fields go as they were written.
    pub(super) cased: bool,
    pub(super) idle_timeout: Duration,
}

impl<S: Socket> Pool<S> {
    pub(super) fn new(idle_timeout: Duration, cased: bool) -> Rc<Self> {
        Rc::new(Self {
            idle: RefCell::default(),
            shared: RefCell::default(),
            dialing: Mutex::new(()),
            cased,
            idle_timeout,
        })
    }

    /// A place on a connection that is still good, looked at once.
    pub(super) fn take(&self, cx: &mut Context<'_>) -> Option<Link<S>> {
        let now = Instant::now();
        if let Some(shared) = self
            .shared
            .borrow()
            .iter()
            .find(|shared| shared.has_room(now))
        {
            return Some(Link::Http2(Box::new(Stream::on(shared))));
        }
        loop {
            let mut link = self.idle.borrow_mut().pop()?;
            if link.is_good(now, cx) {
                return Some(link);
            }
        }
    }

    /// The right to make a connection that many will share: who waits for it may find that there is one by then.
    pub(super) async fn dial(&self) -> MutexGuard<'_, ()> {
        self.dialing.lock().await
    }

    /// Keeps a connection for the next exchange.
    pub(super) fn put(&self, link: Link<S>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < IDLE_LIMIT {
            idle.push(link);
        }
    }

    /// Has a connection shared from now on.
    pub(super) fn share(&self, shared: Rc<Shared>) {
        self.shared.borrow_mut().push(shared);
    }

    /// Closes what has been idle for too long.
    pub(super) fn sweep(&self, now: Instant) {
        // Taken out first: closing a connection runs foreign code, which must not find this borrowed.
        let idle = std::mem::take(&mut *self.idle.borrow_mut());
        let (fresh, _stale): (Vec<_>, Vec<_>) =
            idle.into_iter().partition(|link| link.is_fresh(now));
        *self.idle.borrow_mut() = fresh;
        let shared = std::mem::take(&mut *self.shared.borrow_mut());
        let (fresh, _stale): (Vec<_>, Vec<_>) =
            shared.into_iter().partition(|shared| shared.is_fresh(now));
        *self.shared.borrow_mut() = fresh;
    }
}
